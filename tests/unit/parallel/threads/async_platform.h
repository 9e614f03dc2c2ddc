// The platform for races in async/: harts are threads, an IPI is a condition variable, and time is
// real. Built with ThreadSanitizer, which reports unordered accesses of two harts.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "async/uninterrupted.h"

namespace async::platform {

inline constexpr unsigned max_harts = 5;
inline constexpr unsigned outside = max_harts - 1;  // the hart number of threads that are not harts
inline constexpr bool parallel = true;
inline constexpr int spin_limit = 128;
inline constexpr bool tracing = true;
inline constexpr bool checked = true;
inline constexpr bool checks_policies = false;

template <class T>
using Atomic = std::atomic<T>;
using std::atomic_thread_fence;

struct Hart {
  Local local;
  std::uint64_t alarm = UINT64_MAX;  // used by this hart only, like `local`
  std::mutex mutex;
  std::condition_variable changed;
  bool ipi_sent = false;  // protected by `mutex`
};
inline std::array<Hart, max_harts> harts;
inline constinit thread_local unsigned this_hart = outside;

inline unsigned hart() noexcept {
  return this_hart;
}
inline Local& local() noexcept {
  return harts[this_hart].local;
}
inline Job* job() noexcept {
  return local().job;
}
inline std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}
inline void set_alarm(std::uint64_t ns) noexcept {
  harts[this_hart].alarm = ns;
}
inline void send_ipi(unsigned hart) noexcept {
  {
    const std::lock_guard lock(harts[hart].mutex);
    harts[hart].ipi_sent = true;
  }
  harts[hart].changed.notify_one();
}
/// Waits a moment for another thread. Mostly spins: a thread that yields on a busy host gets the
/// processor back only after all others.
inline void relax() noexcept {
  static thread_local unsigned calls = 0;
  if (++calls % 1024 == 0) std::this_thread::yield();
}

void yield_point() noexcept;

inline void* chunk(std::size_t bytes) noexcept {
  return std::aligned_alloc(4096, bytes);
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}

[[noreturn]] inline void fail(const char* message) noexcept {
  std::fprintf(stderr, "%s\n", message);
  std::abort();
}

}  // namespace async::platform
