// A lock whose holder runs with the priority of who waits for it, and so does whoever the holder
// waits for in turn: async::Mutex for threads. The kernel's futexes lend nothing, so those who wait
// do, with sched_setscheduler().
//
// Without waiters that is a try_lock() and a look at how many there are. All else is done under one
// mutex of all locks, by threads that are before all others while they have it, or somebody of
// middling priority could keep an urgent one from it.
//
//   who waits                          who has it
//   counts itself, then looks who      says that it has it (or has it no more), then looks whether
//   has it, and lends                  anybody is counted, and takes (or gives back) what is lent
#pragma once

#include <user/calls.h>
#include <user/check.h>
#include <user/sync.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace programs {

class LendingLock;

/// A thread that takes locks, with its real-time priority: more is more urgent.
struct Holder {
  user::Pid thread;
  std::uint32_t policy;
  std::uint32_t own;
  bool has_reservation = false;  // which a priority would end: it is lent nothing

  // Written under the mutex of all locks.
  std::atomic<std::uint32_t> priority = own;  // with what is lent
  LendingLock* waits_for = nullptr;

  void run_with(std::uint32_t wanted) {
    if (has_reservation) return;
    user::must(user::set_schedule(thread, {.policy = policy, .priority = wanted}),
               "a real-time priority");
  }
  /// Runs with its priority, whoever lends to it meanwhile.
  void settle() {
    std::uint32_t wanted;
    do run_with(wanted = priority);
    while (priority != wanted);
  }
};

class LendingLock {
 public:
  explicit LendingLock(bool lends) : lends_{lends} {
    if (lends) all_.push_back(this);
  }
  LendingLock(const LendingLock&) = delete;

  void lock(Holder& self) {
    if (!lends_) return mutex_.lock();
    if (!mutex_.try_lock()) {
      ++count_;
      with_all(self, [&] { begin_wait(self); });
      mutex_.lock();
      --count_;
      with_all(self, [&] { end_wait(self); });
    }
    holder_ = &self;
    if (count_ != 0) with_all(self, [] {});
  }
  void unlock(Holder& self) {
    if (lends_) holder_ = nullptr;
    if (!lends_ || count_ == 0) return mutex_.unlock();
    with_all(self, [&] { mutex_.unlock(); });
  }

 private:
  static constexpr std::uint32_t before_all = 99;

  /// Does it, and what priorities are then follows from who waits for whom.
  template <class Action>
  static void with_all(Holder& self, Action&& action) {
    self.run_with(before_all);
    {
      const user::Lock lock{all_mutex_};
      action();
      self.priority = lent_to(self);
    }
    self.settle();
  }
  void begin_wait(Holder& self) {
    self.waits_for = this;
    self.priority = lent_to(self);
    waiters_.push_back(&self);
    for (LendingLock* at = this; at != nullptr;) {
      Holder* const holder = at->holder_;
      if (holder == nullptr || lent_to(*holder) == holder->priority) return;
      holder->priority = lent_to(*holder);
      holder->settle();
      at = holder->waits_for;
    }
  }
  void end_wait(Holder& self) {
    self.waits_for = nullptr;
    std::erase(waiters_, &self);
  }
  static std::uint32_t lent_to(const Holder& holder) {
    std::uint32_t priority = holder.own;
    for (const LendingLock* const each : all_) {
      if (each->holder_ != &holder) continue;
      for (const Holder* const waiter : each->waiters_) {
        priority = std::max(priority, waiter->priority.load());
      }
    }
    return priority;
  }

  static inline user::Mutex all_mutex_;
  static inline std::vector<LendingLock*> all_;

  const bool lends_;
  user::Mutex mutex_;
  std::atomic<Holder*> holder_ = nullptr;
  std::atomic<unsigned> count_ = 0;  // of those who wait, or are about to
  std::vector<Holder*> waiters_;
};

}  // namespace programs
