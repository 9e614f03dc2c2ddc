#include <hal/remote.h>

#include <optional>

#include "hart_groups.h"
#include "sbi.h"

namespace hal {

using riscv64::for_each_group;
using riscv64::firmware::HartIds;

void flush_remote(HartMask harts, Asid asid, VirtAddr first, std::size_t pages) {
  for_each_group(harts, [=](HartIds group) {
    riscv64::firmware::remote_flush(group, asid, first, pages * page_size);
  });
}

void flush_space_remote(HartMask harts, Asid asid) {
  for_each_group(harts, [=](HartIds group) {
    riscv64::firmware::remote_flush(group, asid, 0, riscv64::firmware::whole_space);
  });
}

void flush_all_remote(HartMask harts) {
  for_each_group(harts, [](HartIds group) {
    riscv64::firmware::remote_flush(group, std::nullopt, 0, riscv64::firmware::whole_space);
  });
}

}  // namespace hal
