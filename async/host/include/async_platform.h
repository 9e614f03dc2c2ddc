// The platform of a HostPool: harts are threads of the process, time is real, and jobs outside the
// strand run in parallel. An idle hart spins for a few microseconds, then its thread sleeps.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>

#include "async/uninterrupted.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASYNC_POISONS_MEMORY
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ASYNC_POISONS_MEMORY
#endif
#ifdef ASYNC_POISONS_MEMORY
#include <sanitizer/asan_interface.h>
#endif

namespace async::platform {

inline constexpr unsigned max_harts = 64;
inline constexpr bool parallel = true;
inline constexpr bool parallel_jobs = true;
// With turns, a thread would wait for others that the host does not run.
inline constexpr int spin_limit = 0;
inline constexpr bool tracing = true;
inline constexpr bool checked = false;
inline constexpr bool checks_policies = false;

template <class T>
using Atomic = std::atomic<T>;

/// The data of a thread, whether it is a hart or not. A thread that is no hart may only make tasks
/// and unpark jobs.
struct Thread {
  static constexpr unsigned no_hart = 0xff;
  static constexpr std::uint64_t no_alarm = UINT64_MAX;

  // A thread that is no hart always takes the slow paths to the strand and to list locks, which
  // report it.
  Local local{.smp_active = true, .has_list_lock = true};
  unsigned hart = no_hart;
  unsigned steps_until_look = 0;   // at the clock, while an alarm is set
  std::uint64_t alarm = no_alarm;  // in ns
};
inline constinit thread_local Thread this_thread;

/// How other threads reach a hart.
struct alignas(64) Hart {
  enum State : std::uint32_t { awake, asleep, called };
  std::atomic<std::uint32_t> state = awake;
  std::mutex mutex;
  std::condition_variable called_up;
  // For other threads that ask whether all harts are out of work.
  std::atomic<std::uint64_t> sleeps = 0;
  std::atomic<bool> has_nothing_to_do = false;  // the thread sleeps, without an alarm
};
inline std::array<Hart, max_harts> harts;

using std::atomic_thread_fence;

inline unsigned hart() noexcept {
  return this_thread.hart;
}
inline Local& local() noexcept {
  return this_thread.local;
}
inline Job* job() noexcept {
  return this_thread.local.job;
}
inline std::uint64_t now_ns() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}
inline void set_alarm(std::uint64_t ns) noexcept {
  this_thread.alarm = ns;
  this_thread.steps_until_look = 0;
}

void wake_thread(Hart& hart) noexcept;
inline void send_ipi(unsigned hart) noexcept {
  const auto before = harts[hart].state.exchange(Hart::called, std::memory_order_acq_rel);
  if (before == Hart::asleep) wake_thread(harts[hart]);
}
/// Waits a moment for another thread. Mostly spins: a thread that yields on a busy host gets the
/// processor back only after all others.
inline void relax() noexcept {
  static constinit thread_local unsigned calls = 0;
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
  if (++calls % 256 == 0) std::this_thread::yield();
}

void look_at_clock() noexcept;
inline void yield_point() noexcept {
  if (this_thread.alarm == Thread::no_alarm) [[likely]]
    return;
  if (this_thread.steps_until_look-- == 0) look_at_clock();
}
inline bool interrupt_is_pending() noexcept {
  return this_thread.alarm != Thread::no_alarm;
}
/// Spins until `has_work()` is true, then sleeps until send_ipi() or the alarm. `spin_ns`: for how
/// long it spins at most.
void idle(std::uint64_t spin_ns, bool (*has_work)() noexcept) noexcept;

void* chunk(std::size_t bytes) noexcept;
/// The bytes that the process has taken for chunks so far.
std::size_t bytes_taken() noexcept;

// Free blocks in batches (memory.cpp).
inline constexpr std::size_t job_list = 0;
inline constexpr std::size_t lists = 160;
inline std::size_t batch_length(std::size_t bytes) noexcept {
  constexpr std::size_t most = 64;
  return bytes <= 1024 ? most : 1 + 65'536 / bytes;
}
void put_batch(std::size_t list, void* batch) noexcept;
void* take_batch(std::size_t list) noexcept;
void give_spare_batches() noexcept;

#ifdef ASYNC_POISONS_MEMORY
inline void poison(void* memory, std::size_t bytes) noexcept {
  constexpr std::size_t links = 2 * sizeof(void*);  // at the start of a free block
  if (bytes > links)
    __asan_poison_memory_region(static_cast<std::byte*>(memory) + links, bytes - links);
}
inline void unpoison(void* memory, std::size_t bytes) noexcept {
  __asan_unpoison_memory_region(memory, bytes);
}
#else
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}
#endif
[[noreturn]] void fail(const char* message) noexcept;

}  // namespace async::platform
