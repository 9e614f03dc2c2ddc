#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/remote.h>

#include "devices.h"
#include "sbi.h"

namespace hal {
namespace {

using riscv64::devices;
using riscv64::sbi::HartIds;

/// Splits `harts` into groups for the firmware: up to 64 harts with adjacent numbers. Calls
/// ask(HartIds) for each.
template <class Ask>
void for_each_group(HartMask harts, Ask&& ask) {
  while (harts != 0) {
    HartIds group = {.first = ~std::uint64_t{0}, .bits = 0};
    for_each_hart(harts, [&](unsigned hart) {
      group.first = std::min(group.first, devices.firmware_hart_id[hart]);
    });
    for_each_hart(harts, [&](unsigned hart) {
      const std::uint64_t bit = devices.firmware_hart_id[hart] - group.first;
      if (bit >= 64) return;
      group.bits |= std::uint64_t{1} << bit;
      harts &= ~mask_of(hart);
    });
    ask(group);
  }
}

}  // namespace

void send_ipis(HartMask harts) {
  for_each_group(harts, riscv64::sbi::send_ipi);
}

void flush_remote(HartMask harts, Asid asid, VirtAddr first, std::size_t pages) {
  for_each_group(harts, [=](HartIds group) {
    riscv64::sbi::remote_flush(group, asid, first, pages * page_size);
  });
}

void flush_space_remote(HartMask harts, Asid asid) {
  for_each_group(harts, [=](HartIds group) {
    riscv64::sbi::remote_flush(group, asid, 0, riscv64::sbi::whole_space);
  });
}

void flush_all_remote(HartMask harts) {
  for_each_group(harts, [](HartIds group) {
    riscv64::sbi::remote_flush(group, std::nullopt, 0, riscv64::sbi::whole_space);
  });
}

void synchronize_code_remote(HartMask harts) {
  for_each_group(harts, riscv64::sbi::remote_synchronize_code);
}

}  // namespace hal
