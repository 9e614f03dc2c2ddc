// pc: the clock counts nanoseconds. It is the time stamp counter, whose frequency boot measures.
#pragma once

#include <cstdint>

namespace hal {
namespace pc {

/// Nanoseconds per count of the time stamp counter in 32.32 fixed point; set once at boot.
extern std::uint64_t ns_per_count_fixed;
/// The counter's value early at boot; now_ns() counts from it.
extern std::uint64_t entry_count;

/// The fence keeps the processor from reading the counter before earlier loads.
inline std::uint64_t read_counter() {
  std::uint32_t low, high;
  asm volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
  return std::uint64_t{high} << 32 | low;
}

}  // namespace pc

inline std::uint64_t now_ns() {
  using Wide = unsigned __int128;
  const std::uint64_t counts = pc::read_counter() - pc::entry_count;
  return static_cast<std::uint64_t>((Wide{counts} * pc::ns_per_count_fixed) >> 32);
}

inline std::uint64_t clock_ticks() {
  return now_ns();
}
inline std::uint64_t clock_period_ns() {
  return 1;
}
inline std::uint64_t ticks_in_ns(std::uint64_t ticks) {
  return ticks;
}
inline std::uint32_t fine_ticks() {
  return static_cast<std::uint32_t>(pc::read_counter());
}

}  // namespace hal
