// riscv64: reads the clock with one CSR access and one multiplication.
#pragma once

#include <hal/machine/csr.h>

#include <cstdint>

namespace hal {
namespace riscv64 {

/// Nanoseconds per tick of the `time` counter in 32.32 fixed point; set once at boot from the
/// device tree's `timebase-frequency`.
extern std::uint64_t ns_per_tick_fixed;
/// The value of the `time` counter early at boot; now_ns() counts from it.
extern std::uint64_t entry_tick;

}  // namespace riscv64

inline std::uint64_t ticks_in_ns(std::uint64_t ticks) {
  using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{ticks} * riscv64::ns_per_tick_fixed) >> 32);
}
inline std::uint64_t now_ns() {
  return ticks_in_ns(HAL_READ_CSR("time") - riscv64::entry_tick);
}

/// The clock's counter, which advances by one every clock_period_ns(). One instruction.
inline std::uint64_t clock_ticks() {
  return HAL_READ_CSR("time");
}
inline std::uint64_t clock_period_ns() {
  return riscv64::ns_per_tick_fixed >> 32;
}

/// A counter that advances between two ticks of the clock: instructions, under QEMU's -icount.
inline std::uint32_t fine_ticks() {
  return static_cast<std::uint32_t>(HAL_READ_CSR("instret"));
}

}  // namespace hal
