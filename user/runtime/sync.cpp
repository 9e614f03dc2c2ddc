#include "user/sync.h"

#include <limits>

#include "user/calls.h"

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

// `contended` promises a wake: whoever sleeps has set it, and whoever was woken takes the mutex
// with it, since others may still be asleep.
void Mutex::lock() {
  if (try_lock()) return;
  while (state_.exchange(contended, std::memory_order_acquire) != unlocked) {
    futex_wait(state_, contended);
  }
}

void Mutex::unlock() {
  if (state_.exchange(unlocked, std::memory_order_release) == contended) futex_wake(state_, 1);
}

// A notification between unlock and sleep changes the sequence, and the futex does not sleep then.
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
