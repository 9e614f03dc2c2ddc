// Mutexes and a condition variable, of one word each, built on futex. For threads of one process.
#pragma once

#include <atomic>
#include <cstdint>

#include "user/preemption.h"

namespace user {

// Sleeps while `word` holds `expected`. Spurious wakes are possible.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected);
// Wakes at most `count` sleepers and returns the number woken.
int futex_wake(std::atomic<std::uint32_t>& word, int count);

// Makes no system call unless contended. Lock locks it for a scope, in which no other coroutine of
// its thread preempts the running one (preemption.h).
class Mutex {
 public:
  void lock();
  bool try_lock();
  void unlock();

 private:
  enum State : std::uint32_t { unlocked, locked, contended };
  std::atomic<std::uint32_t> state_ = unlocked;
};

// A mutex with priority inheritance (FUTEX_LOCK_PI): the holder runs with its waiters' highest
// priority, and so do the threads that the holder waits for. Under a deadline policy the holder
// inherits the earliest deadline.
class InheritingMutex {
 public:
  void lock();
  bool try_lock();
  void unlock();

 private:
  // The holder's thread id; 0: unlocked. The kernel may set further bits.
  std::atomic<std::uint32_t> holder_ = 0;
};

class Lock {
 public:
  explicit Lock(Mutex& mutex) : mutex_{mutex} { mutex_.lock(); }
  ~Lock() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Unpreempted unpreempted_;  // until the mutex is unlocked
  Mutex& mutex_;
};

// Spurious wakes are possible: test the condition in a loop, or use wait() with a predicate.
class Condition {
 public:
  // The caller holds the mutex; it is unlocked during the wait.
  void wait(Mutex& mutex);
  template <class Predicate>
  void wait(Mutex& mutex, Predicate holds) {
    while (!holds()) wait(mutex);
  }
  // Callers need not hold the mutex.
  void notify_one();
  void notify_all();

 private:
  std::atomic<std::uint32_t> sequence_ = 0;
};

}  // namespace user
