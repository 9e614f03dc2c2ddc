// pc: the clock is the time stamp counter. Boot measures its frequency.
#pragma once

#include <cstdint>

namespace hal {
namespace pc {

/// Nanoseconds per tick of the time stamp counter in 32.32 fixed point; set once at boot.
extern std::uint64_t ns_per_tick_fixed;
/// The counter's value early at boot; now_ns() counts from it.
extern std::uint64_t entry_tick;

/// The fence keeps the processor from reading the counter before earlier loads.
inline std::uint64_t read_counter() {
  std::uint32_t low, high;
  asm volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
  return std::uint64_t{high} << 32 | low;
}

}  // namespace pc

inline std::uint64_t ticks_in_ns(std::uint64_t ticks) {
  using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{ticks} * pc::ns_per_tick_fixed) >> 32);
}
inline std::uint64_t now_ns() {
  return ticks_in_ns(pc::read_counter() - pc::entry_tick);
}

inline std::uint64_t clock_ticks() {
  return pc::read_counter();
}
/// 0: one tick is shorter than a nanosecond.
inline std::uint64_t clock_period_ns() {
  return pc::ns_per_tick_fixed >> 32;
}
inline std::uint32_t fine_ticks() {
  return static_cast<std::uint32_t>(pc::read_counter());
}

}  // namespace hal
