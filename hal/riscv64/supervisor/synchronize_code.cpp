#include <hal/remote.h>

#include "hart_groups.h"
#include "sbi.h"

void hal::synchronize_code_remote(HartMask harts) {
  riscv64::for_each_group(harts, riscv64::firmware::remote_synchronize_code);
}
