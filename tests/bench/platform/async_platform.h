// The platform on which async/ is measured: one hart per thread, and trace points compiled in but
// off.
//
// The clock is the processor's counter plus the sum of all idle waits: a wait takes no real time,
// it only moves the clock on. Until calibrate() is called, the clock advances by 50 ns at each read
// instead of with the counter, so that counted runs repeat exactly.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "async/uninterrupted.h"

namespace async::platform {

inline constexpr unsigned max_harts = 64;
inline constexpr bool parallel = false;
inline constexpr int spin_limit = 0;
inline constexpr bool tracing = true;
inline constexpr bool checked = false;
inline constexpr bool checks_policies = false;

template <class T>
using Atomic = std::atomic<T>;
using std::atomic_thread_fence;

struct World {
  std::uint64_t ns_per_2_32_cycles = 0;  // set by calibrate()
  std::uint64_t tick = 50;               // ns per read of the clock; 0 after calibrate()
  /// What now_ns() adds to the cycle counter, ns: the skipped waits, and a tick for each read.
  std::uint64_t skipped = 0;
  std::uint64_t alarm = UINT64_MAX;
  std::size_t chunks = 0;
};
inline constinit World world;
inline constinit thread_local Local this_hart;

inline unsigned hart() noexcept {
  return 0;
}
inline Local& local() noexcept {
  return this_hart;
}
inline Job* job() noexcept {
  return local().job;
}
inline std::uint64_t now_ns() noexcept {
  const auto cycles = static_cast<unsigned __int128>(__builtin_readcyclecounter());
  world.skipped += world.tick;
  return static_cast<std::uint64_t>(cycles * world.ns_per_2_32_cycles >> 32) + world.skipped;
}
inline void calibrate() {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto first = __builtin_readcyclecounter();
  while (Clock::now() - start < std::chrono::milliseconds(20)) {
  }
  const auto cycles = __builtin_readcyclecounter() - first;
  const std::chrono::duration<double, std::nano> time = Clock::now() - start;
  world.tick = 0;
  world.ns_per_2_32_cycles =
      static_cast<std::uint64_t>(time.count() / static_cast<double>(cycles) * 4294967296.0);
}
inline void set_alarm(std::uint64_t ns) noexcept {
  world.alarm = ns;
}
inline void send_ipi(unsigned) noexcept {}
inline void relax() noexcept {}
inline void yield_point() noexcept {}

inline void* chunk(std::size_t bytes) noexcept {
  ++world.chunks;
  return std::aligned_alloc(4096, bytes);
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}

[[noreturn]] inline void fail(const char* message) noexcept {
  std::fputs(message, stderr);
  std::fputc('\n', stderr);
  std::abort();
}

}  // namespace async::platform
