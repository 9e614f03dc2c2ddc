// The world in which async/ is measured: one hart a thread, trace points compiled in and off, and a
// clock that is real except that waiting is skipped.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "async/local.h"

namespace async::platform {

inline constexpr unsigned max_harts = 64;
inline constexpr bool tracing = true;

struct World {
  std::uint64_t skipped = 0;  // what was not waited for
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
inline std::uint64_t now_ns() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count()) + world.skipped;
}
inline void set_alarm(std::uint64_t ns) noexcept {
  world.alarm = ns;
}
inline void poke(unsigned) noexcept {}

struct InterruptGuard {
  InterruptGuard() noexcept {}
  ~InterruptGuard() {}
};

inline void* chunk(std::size_t bytes) noexcept {
  ++world.chunks;
  return std::aligned_alloc(4096, bytes);
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}

[[noreturn]] inline void fail(const char* message) noexcept {
  std::fprintf(stderr, "async: %s\n", message);
  std::abort();
}

}  // namespace async::platform
