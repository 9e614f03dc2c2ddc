// Owner: the job that owns a mutex, in the mutex's list of waiters. In worlds with parallel jobs it
// is an atomic word. So a job locks a free mutex, and unlocks one without waiters, with one atomic
// operation each, and without the lock of the list (list_lock.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "async/platform.h"
#include "async/strand.h"

namespace async {

class PlainOwner {
 public:
  Job* job() const noexcept { return job_; }
  void set(Job* job) noexcept { job_ = job; }
  bool try_take(Job* job) noexcept {
    if (job_ != nullptr) return false;
    job_ = job;
    return true;
  }
  bool try_give_back() noexcept {
    job_ = nullptr;
    return true;
  }
  bool take_or_await(Job& job, bool) noexcept { return try_take(&job); }
  void hand_over(Job& job, bool) noexcept { job_ = &job; }
  void end_waits() noexcept {}

 private:
  Job* job_ = nullptr;
};

class AtomicOwner {
 public:
  Job* job() const noexcept {
    return reinterpret_cast<Job*>(word_.load(std::memory_order_relaxed) & ~awaited);
  }
  void set(Job* job) noexcept { word_.store(word_of(job), std::memory_order_release); }

  /// Makes `job` the owner if there is none.
  bool try_take(Job* job) noexcept {
    Word before = 0;
    return change(before, word_of(job), std::memory_order_acquire);
  }
  /// Removes the owner. False: it stays, because jobs may wait.
  bool try_give_back() noexcept {
    Word before = word_.load(std::memory_order_relaxed);
    return (before & awaited) == 0 && change(before, 0, std::memory_order_release);
  }

  // With the lock of the list of waiters.

  /// Makes `job` the owner if there is none. Otherwise notes that jobs wait. `others_wait`: jobs
  /// wait already.
  bool take_or_await(Job& job, bool others_wait) noexcept {
    for (Word before = 0;;) {
      if (before == 0) {
        const Word taken = word_of(&job) | (others_wait ? awaited : 0);
        if (change(before, taken, std::memory_order_acquire)) return true;
      } else if ((before & awaited) != 0 ||
                 change(before, before | awaited, std::memory_order_relaxed)) {
        return false;
      }
    }
  }
  /// Makes `job` the owner instead of the present one.
  void hand_over(Job& job, bool others_wait) noexcept {
    word_.store(word_of(&job) | (others_wait ? awaited : 0), std::memory_order_release);
  }
  /// No job waits. The owner is the running job.
  void end_waits() noexcept { word_.fetch_and(~awaited, std::memory_order_relaxed); }

 private:
  using Word = std::uintptr_t;
  static constexpr Word awaited = 1;  // jobs may wait, so unlock() looks into the list
  static Word word_of(const Job* job) noexcept { return reinterpret_cast<Word>(job); }

  /// compare_exchange_strong(). Not atomic while one hart runs alone.
  [[gnu::always_inline]] bool change(Word& before, Word after, std::memory_order order) noexcept {
    if (Strand::smp_active()) [[unlikely]]
      return word_.compare_exchange_strong(before, after, order, std::memory_order_relaxed);
    const Word present = word_.load(std::memory_order_relaxed);
    const bool is_equal = present == before;
    before = present;
    if (is_equal) word_.store(after, std::memory_order_relaxed);
    return is_equal;
  }

  platform::Atomic<Word> word_ = 0;  // the owner, and the bit `awaited`
};

using Owner = std::conditional_t<platform::parallel_jobs, AtomicOwner, PlainOwner>;

}  // namespace async
