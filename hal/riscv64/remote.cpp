#include <hal/interrupts.h>
#include <hal/remote.h>

#include "hart_groups.h"

namespace hal {

using riscv64::for_each_group;

void send_ipis(HartMask harts) {
  for_each_group(harts, riscv64::sbi::send_ipi);
}

void synchronize_code_remote(HartMask harts) {
  for_each_group(harts, riscv64::sbi::remote_synchronize_code);
}

}  // namespace hal
