#include "boot/harts.h"

#include <hal/boot.h>
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <kernel/log.h>
#include <trap/kernel_trap.h>

#include "devices/interrupts.h"

void kernel::start_other_harts(unsigned count) {
  for (unsigned hart = 1; hart < count; ++hart) {
    if (!hal::start_hart(hart)) log("hart {} does not start", hart);
  }
}

void kernel_hart_main(unsigned hart) {
  trap::install();
  kernel::log("hart {} started", hart);
  for (;;) {
    hal::wait_for_interrupt();
    kernel::take_interrupts();
  }
}
