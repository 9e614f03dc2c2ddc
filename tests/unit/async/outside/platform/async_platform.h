// The smallest platform: one hart, the host's clock, no alarms and no interrupts.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "async/uninterrupted.h"

namespace async::platform {

inline constexpr unsigned max_harts = 1;
inline constexpr bool parallel = false;
inline constexpr int spin_limit = 0;
inline constexpr bool tracing = false;
inline constexpr bool checked = true;
inline constexpr bool checks_policies = false;

template <class T>
using Atomic = std::atomic<T>;
using std::atomic_thread_fence;

inline constinit Local only_hart;

inline unsigned hart() noexcept {
  return 0;
}
inline Local& local() noexcept {
  return only_hart;
}
inline Job* job() noexcept {
  return only_hart.job;
}
inline std::uint64_t now_ns() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}
inline void set_alarm(std::uint64_t) noexcept {}
inline void send_ipi(unsigned) noexcept {}
inline void relax() noexcept {}
inline void yield_point() noexcept {}

inline void* chunk(std::size_t bytes) noexcept {
  return std::aligned_alloc(4096, bytes);
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}

[[noreturn]] inline void fail(const char* message) noexcept {
  std::fputs(message, stderr);
  std::abort();
}

}  // namespace async::platform
