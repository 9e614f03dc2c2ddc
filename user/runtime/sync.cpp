#include "user/sync.h"

#include <limits>

#include "user/calls.h"
#include "user/check.h"

namespace user {

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) {
  syscall(Call::futex, &word, abi::futex_wait | abi::futex_private_flag, expected, nullptr, nullptr,
          0);
}

int futex_wake(std::atomic<std::uint32_t>& word, int count) {
  return static_cast<int>(syscall(Call::futex, &word, abi::futex_wake | abi::futex_private_flag,
                                  count, nullptr, nullptr, 0));
}

bool Mutex::try_lock() {
  std::uint32_t expected = unlocked;
  return state_.compare_exchange_strong(expected, locked, std::memory_order_acquire);
}

// In the state `contended` unlock() wakes a sleeper. A thread sets it before it sleeps. A woken
// thread takes the mutex in this state, because other threads may still sleep.
void Mutex::lock() {
  if (try_lock()) return;
  while (state_.exchange(contended, std::memory_order_acquire) != unlocked) {
    futex_wait(state_, contended);
  }
}

void Mutex::unlock() {
  if (state_.exchange(unlocked, std::memory_order_release) == contended) futex_wake(state_, 1);
}

bool InheritingMutex::try_lock() {
  std::uint32_t no_holder = 0;
  const auto self = static_cast<std::uint32_t>(thread_id());
  return holder_.compare_exchange_strong(no_holder, self, std::memory_order_acquire);
}

void InheritingMutex::lock() {
  constexpr int wait = abi::futex_lock_pi | abi::futex_private_flag;
  if (!try_lock()) must(call(Call::futex, &holder_, wait, 0, nullptr), "locking a mutex");
}

void InheritingMutex::unlock() {
  constexpr int unlock_operation = abi::futex_unlock_pi | abi::futex_private_flag;
  auto self = static_cast<std::uint32_t>(thread_id());
  if (!holder_.compare_exchange_strong(self, 0, std::memory_order_release)) {
    must(call(Call::futex, &holder_, unlock_operation), "unlocking a mutex");
  }
}

// A notification between unlock() and futex_wait() changes the sequence; then futex_wait() returns
// at once.
void Condition::wait(Mutex& mutex) {
  const auto before = sequence_.load(std::memory_order_relaxed);
  mutex.unlock();
  futex_wait(sequence_, before);
  mutex.lock();
}

void Condition::notify_one() {
  sequence_.fetch_add(1, std::memory_order_relaxed);
  futex_wake(sequence_, 1);
}

void Condition::notify_all() {
  sequence_.fetch_add(1, std::memory_order_relaxed);
  futex_wake(sequence_, std::numeric_limits<int>::max());
}

}  // namespace user
