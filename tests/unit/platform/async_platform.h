// The platform for tests of async/: harts are numbers, time is a variable, and an alarm fires when
// a test moves the time past it.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include "async/uninterrupted.h"

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif

namespace async::platform {

inline constexpr unsigned max_harts = 4;
inline constexpr bool parallel = false;
inline constexpr int spin_limit = 0;
inline constexpr bool tracing = true;
inline constexpr bool checked = true;
inline constexpr bool checks_policies = false;

template <class T>
using Atomic = std::atomic<T>;
using std::atomic_thread_fence;

/// State that tests set and read.
struct World {
  unsigned hart = 0;
  std::uint64_t now = 0;
  std::uint64_t alarm = UINT64_MAX;
  std::uint64_t alarms_set = 0;
  std::size_t chunks = 0;
  std::vector<unsigned> ipis;
  std::uint64_t yield_points = 0;
  std::function<void()> interrupt;  // the handler of a pending interrupt; empty: none is pending
};
inline World world;
inline constinit Local locals[max_harts];

inline unsigned hart() noexcept {
  return world.hart;
}
inline Local& local() noexcept {
  return locals[world.hart];
}
inline Job* job() noexcept {
  return local().job;
}
inline std::uint64_t now_ns() noexcept {
  return world.now;
}
inline void set_alarm(std::uint64_t ns) noexcept {
  world.alarm = ns;
  ++world.alarms_set;
}
inline void send_ipi(unsigned hart) noexcept {
  world.ipis.push_back(hart);
}
inline void relax() noexcept {}
inline bool interrupt_is_pending() noexcept {
  return world.interrupt != nullptr;
}
inline void yield_point() noexcept {
  ++world.yield_points;
  if (interrupt_is_pending()) std::exchange(world.interrupt, nullptr)();
}

inline void* chunk(std::size_t bytes) noexcept {
  // Never freed. The static vector tells the leak checker that chunks are in use, so it reports
  // only leaks inside them.
  static auto& kept = *new std::vector<void*>;
  ++world.chunks;
  return kept.emplace_back(std::aligned_alloc(4096, bytes));
}

[[noreturn]] inline void fail(const char* message) noexcept {
  std::fputs(message, stderr);
  std::fputc('\n', stderr);
  std::abort();
}

#if __has_feature(address_sanitizer)
inline void poison(void* memory, std::size_t bytes) noexcept {
  ASAN_POISON_MEMORY_REGION(memory, bytes);
}
inline void unpoison(void* memory, std::size_t bytes) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
}
#else
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}
#endif

}  // namespace async::platform
