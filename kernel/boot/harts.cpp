#include "boot/harts.h"

#include <async/async.h>
#include <hal/boot.h>
#include <hal/hart.h>
#include <kernel/log.h>
#include <trap/kernel_trap.h>

#include <array>
#include <optional>

#include "devices/interrupts.h"
#include "process/running.h"

namespace kernel {
namespace {

std::array<std::optional<async::Executor>, hal::max_harts> executors;

void idle() {
  {
    const async::Strand::Guard strand;
    run_nobody();
  }
  hal::wait_for_interrupt();
  take_interrupts();
}

}  // namespace

void begin_hart(bool in_company) {
  trap::install();
  async::platform::local().in_company = in_company;
  const async::Strand::Guard strand;
  start_turns();
  executors[hal::hart_index()].emplace();
}

void run_hart() {
  executors[hal::hart_index()]->run(idle);
}

void start_other_harts(unsigned count) {
  for (unsigned hart = 1; hart < count; ++hart) {
    if (!hal::start_hart(hart)) log("hart {} does not start", hart);
  }
}

}  // namespace kernel

void kernel_hart_main(unsigned hart) {
  kernel::begin_hart(true);
  kernel::log("hart {} started", hart);
  kernel::run_hart();
}
