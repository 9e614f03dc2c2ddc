#include <hal/interrupts.h>

#include "hart_groups.h"

void hal::send_ipis(HartMask harts) {
  riscv64::for_each_group(harts, riscv64::firmware::send_ipi);
}
