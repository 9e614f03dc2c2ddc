// Mutex and condition variable of one word each, over futex. For threads of one process.
#pragma once

#include <atomic>
#include <cstdint>

namespace user {

// Sleeps while `word` holds `expected`; may wake for no reason.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected);
// Wakes at most `count` sleepers and tells how many there were.
int futex_wake(std::atomic<std::uint32_t>& word, int count);

// Uncontended, no system call. Usable with std::lock_guard-like scopes through Lock.
class Mutex {
 public:
  void lock();
  bool try_lock();
  void unlock();

 private:
  enum State : std::uint32_t { unlocked, locked, contended };
  std::atomic<std::uint32_t> state_ = unlocked;
};

// The same, whose holder runs with the priority of who waits for it, and so does whoever the holder
// waits for in turn; under a policy that goes by deadlines with these, too (FUTEX_LOCK_PI).
class InheritingMutex {
 public:
  void lock();
  bool try_lock();
  void unlock();

 private:
  std::atomic<std::uint32_t> holder_ = 0;  // its thread ID
};

class Lock {
 public:
  explicit Lock(Mutex& mutex) : mutex_{mutex} { mutex_.lock(); }
  ~Lock() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

// Wait in a loop that looks at the condition: a wait may end for no reason.
class Condition {
 public:
  void wait(Mutex& mutex);
  template <class Predicate>
  void wait(Mutex& mutex, Predicate holds) {
    while (!holds()) wait(mutex);
  }
  void notify_one();
  void notify_all();

 private:
  std::atomic<std::uint32_t> sequence_ = 0;
};

}  // namespace user
