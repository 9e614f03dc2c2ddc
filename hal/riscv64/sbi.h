// Calls of the supervisor binary interface that machine mode does not have (RISC-V SBI
// specification 2.0).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "firmware.h"

namespace hal::riscv64::firmware {

/// Executes fence.i on each of `harts`; complete when it returns.
void remote_synchronize_code(HartIds harts);

/// Executes sfence.vma on each of `harts`; complete when it returns. Flushes [start, start + size)
/// in the space `asid`, or the whole space if `size` is `whole_space`. If `asid` is nothing,
/// flushes the range in all spaces, global pages included.
void remote_flush(HartIds harts, std::optional<std::uint16_t> asid, std::uintptr_t start,
                  std::size_t size);
inline constexpr std::size_t whole_space = ~std::size_t{0};

}  // namespace hal::riscv64::firmware
