// The holder of a lock inherits the priority of its waiters, whatever harts they are on.
#include <user/counters.h>

#include "harts.h"

namespace harts {
namespace {

constexpr int low = 10, middle = 30, high = 50, above_all = 99;

void be(int priority, unsigned hart) {
  must(set_realtime_priority(0, priority), "a priority");
  move_to(hart);
}
void compute_until_set(const std::atomic<bool>& over) {
  while (!over) {
  }
}
// Each call returns to a thread that may have inherited its priority.
void compute_for(nanoseconds time) {
  const auto end = now() + time;
  while (now() < end) yield();
}

/// The same, with floating-point registers, which a thread loses at each yield.
void compute_with_doubles_for(nanoseconds time) {
  const auto end = now() + time;
  for (volatile double sum = 0; now() < end; yield()) sum = sum + 1;
}

/// Priority inversion: a thread of low priority holds the lock. On its hart a thread of middle
/// priority computes until a thread of high priority has had the lock. Without inheritance that
/// never happens.
void invert(unsigned of_low, unsigned of_high) {
  InheritingMutex mutex;
  std::atomic<bool> held = false, had = false;
  Thread holder{[&] {
    be(low, of_low);
    mutex.lock();
    held = true;
    compute_with_doubles_for(20ms);
    mutex.unlock();
  }};
  await("to hold a lock", [&] { return held.load(); });
  Thread urgent{[&] {
    be(high, of_high);
    mutex.lock();
    had = true;
    mutex.unlock();
  }};
  Thread hog{[&] {
    be(middle, of_low);
    compute_until_set(had);
  }};
  await("to have the lock", [&] { return had.load(); });
}

/// As invert(), with a chain of `length` holders: each but the last waits for the lock of another
/// holder. `apart`: the holders are on different harts.
void invert_along(unsigned length, bool apart) {
  std::vector<InheritingMutex> mutexes(length);
  std::atomic<unsigned> ready = 0;
  std::atomic<bool> may_continue = false, had = false;
  std::vector<Thread> holders;
  for (unsigned i = 0; i < length; ++i) {
    holders.emplace_back([&, i] {
      be(low + static_cast<int>(i), apart ? i % count : 0);
      mutexes[i].lock();
      ++ready;
      while (ready <= i || !may_continue) must(sleep_for(1ms), "sleeping");
      if (i > 0) mutexes[i - 1].lock();
      compute_for(1ms);
      if (i > 0) mutexes[i - 1].unlock();
      mutexes[i].unlock();
    });
  }
  await("to hold the locks", [&] { return ready == length; });
  Thread first{[&] {
    be(above_all - 1, 0);
    may_continue = true;
    must(sleep_for(5ms), "sleeping");
    mutexes.back().lock();
    had = true;
    mutexes.back().unlock();
  }};
  std::vector<Thread> hogs;
  for (unsigned hart = 0; hart < (apart ? count : 1); ++hart) {
    hogs.emplace_back([&, hart] {
      await("to begin", [&] { return may_continue.load(); });
      must(sleep_for(3ms), "sleeping");
      be(middle, hart);
      compute_until_set(had);
    });
  }
  await("to have the last lock", [&] { return had.load(); });
}

void lends() {
  must(set_realtime_priority(0, above_all), "a priority");
  for (int i = 0; i < 3; ++i) {
    invert(0, 0);
    invert(count - 1, 0);
    invert_along(3, false);
    invert_along(8, true);
  }
}

/// Exceeds the kernel's limits for inheritance: the number of locks with waiters, and the length of
/// a chain.
void too_long() {
  constexpr unsigned most_in_a_chain = 16, most_locks = 256;
  std::vector<std::atomic<std::uint32_t>> words(most_locks + 1);
  std::atomic<unsigned> refused = 0, ready = 0;
  const auto take = [&](unsigned i) {
    return call(Call::futex, &words[i], abi::futex_lock_pi | abi::futex_private_flag, 0, nullptr);
  };
  const auto give_back = [&](unsigned i) {
    must(call(Call::futex, &words[i], abi::futex_unlock_pi | abi::futex_private_flag),
         "giving back");
  };
  for (auto& word : words) word = static_cast<std::uint32_t>(thread_id());
  std::vector<Thread> threads;
  for (unsigned i = 0; i < words.size(); ++i) {
    threads.emplace_back([&, i] {
      ++ready;
      const auto taken = take(i);
      if (taken) return give_back(i);
      check(taken.error() == abi::Errno::enomem, "a lock beyond the limit is ENOMEM");
      ++refused;
    });
  }
  await("to reach the limit", [&] { return refused == 1 && ready == words.size(); });
  for (unsigned i = 0; i < words.size(); ++i) {
    if ((words[i] & abi::futex_waiters) != 0) give_back(i);
  }
  threads.clear();

  // Each thread takes its own lock and then waits for that of the previous thread.
  for (auto& word : words) word = 0;
  ready = refused = 0;
  must(take(0), "the first");
  for (unsigned i = 1; i < most_in_a_chain + 2; ++i) {
    threads.emplace_back([&, i] {
      must(take(i), "the thread's own lock");
      ready = i;
      if (const auto taken = take(i - 1); taken) {
        give_back(i - 1);
      } else {
        check(taken.error() == abi::Errno::edeadlk, "a chain beyond the limit is EDEADLK");
        ++refused;
      }
      give_back(i);
    });
    await("to wait in line",
          [&] { return ready == i && ((words[i - 1] & abi::futex_waiters) != 0 || refused != 0); });
  }
  check(refused != 0, "the length of a chain is limited");
  give_back(0);
}

/// A waiter that timed out, and has not run since, does not affect later waiters.
void lingers() {
  std::atomic<std::uint32_t> word = 0;
  const auto ask = [&](int operation, const abi::Timespec* until = nullptr) {
    return call(Call::futex, &word, operation | abi::futex_private_flag, 0, until);
  };
  move_to(0);
  must(ask(abi::futex_lock_pi), "a lock");
  std::atomic<bool> sleeps = false, is_over = false;
  std::atomic<bool> gave_up = false, asks = false, had = false, wants = false, has = false;
  const auto end = now() + 50ms;
  Thread clock{[&] {
    be(above_all, 0);
    sleeps = true;
    must(sleep_until(end + 1us), "sleeping");
    is_over = true;
  }};
  await("to sleep", [&] { return sleeps.load(); });
  Thread patient{[&] {
    be(low, 0);
    const auto until = to_timespec(end);
    check(!ask(abi::futex_lock_pi2, &until), "the wait times out");
    gave_up = true;
  }};
  await("to wait", [&] { return (word & abi::futex_waiters) != 0 || gave_up; });
  must(set_realtime_priority(0, high), "a priority");  // from here on `patient` cannot run
  Thread next{[&] {
    be(high, 0);
    asks = true;
    must(ask(abi::futex_lock_pi), "the lock");
    had = true;
    auto mine = static_cast<std::uint32_t>(thread_id());
    if (!word.compare_exchange_strong(mine, 0)) must(ask(abi::futex_unlock_pi), "giving back");
  }};
  while (!asks) yield();
  for (int i = 0; i < 3; ++i) yield();
  // A hart's timers fire in the order of their times, so the wait of `patient` has timed out then.
  while (!is_over) yield();
  must(ask(abi::futex_unlock_pi), "giving back");
  while (!had) yield();
  Thread last{[&] {
    be(high, 0);
    wants = true;
    must(ask(abi::futex_lock_pi), "the lock");
    has = true;
    must(ask(abi::futex_unlock_pi), "giving back");
  }};
  must(ask(abi::futex_lock_pi), "the lock once more");
  while (!wants) yield();
  for (int i = 0; i < 10; ++i) yield();
  check(!has, "only one thread holds the lock");
  must(ask(abi::futex_unlock_pi), "giving back");
}

/// True if the thread that the word names has ended.
bool holder_has_ended(std::uint32_t word) {
  const auto holder = static_cast<Pid>(word & abi::futex_tid_mask);
  return !call(Call::sched_getscheduler, holder);
}

/// Many threads take locks, give up waiting after short timeouts, and end while they hold one.
void hammers() {
  constexpr unsigned locks = 3;
  struct Guarded {
    std::atomic<std::uint32_t> word = 0;
    std::atomic<unsigned> inside = 0;
  };
  std::array<Guarded, locks> guarded;
  std::atomic<unsigned> rounds = 0, late = 0, died = 0;
  const auto play = [&](unsigned seed) {
    for (unsigned i = 0; i < 200; ++i) {
      Guarded& lock = guarded[(seed * 7 + i) % locks];
      const auto until = to_timespec(now() + std::chrono::microseconds{i * 37 % 3'000});
      const auto taken =
          call(Call::futex, &lock.word, abi::futex_lock_pi2 | abi::futex_private_flag, 0,
               i % 3 == 0 ? nullptr : &until);
      if (!taken) {
        std::uint32_t word_of_the_dead = lock.word;
        late += taken.error() == abi::Errno::etimedout;
        check(taken.error() == abi::Errno::etimedout || taken.error() == abi::Errno::esrch,
              "a wait fails with ETIMEDOUT or ESRCH, not {}", name(taken.error()));
        if (taken.error() == abi::Errno::esrch && holder_has_ended(word_of_the_dead)) {
          lock.word.compare_exchange_strong(word_of_the_dead, 0);
        }
        continue;
      }
      check(++lock.inside == 1, "only one thread is in the critical section");
      if (i % 16 == 0) yield();
      --lock.inside;
      ++rounds;
      if (seed % 4 == 3 && i >= 50) {
        ++died;
        syscall(Call::exit, 0);
      }
      lock.word.fetch_and(~abi::futex_owner_died);
      must(call(Call::futex, &lock.word, abi::futex_unlock_pi | abi::futex_private_flag),
           "giving back");
    }
  };
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 4 * count; ++i) {
    threads.emplace_back([&, i] {
      be(low + static_cast<int>(i), i % count);
      play(i);
    });
  }
  threads.clear();
  // How many waits time out depends on the host, how many fail does not.
  check(died > 0 && rounds + late > 4 * count * 50,
        "{} threads died, {} rounds were completed, {} waits timed out", died.load(), rounds.load(),
        late.load());
}

/// The instructions for locking and unlocking a free lock by two system calls.
std::uint64_t cost_of_a_round() {
  constexpr unsigned rounds = 16;
  std::atomic<std::uint32_t> word = 0;
  const auto begin = instructions();
  for (unsigned i = 0; i < rounds; ++i) {
    must(call(Call::futex, &word, abi::futex_lock_pi | abi::futex_private_flag, 0, nullptr),
         "taking");
    must(call(Call::futex, &word, abi::futex_unlock_pi | abi::futex_private_flag), "giving back");
  }
  return (instructions() - begin) / rounds;
}

/// The cost of a lock does not grow while other threads wait for 200 other locks.
void many_held() {
  const auto alone = cost_of_a_round();
  std::vector<InheritingMutex> held(200);
  for (auto& mutex : held) mutex.lock();
  std::atomic<unsigned> begun = 0;
  std::vector<Thread> threads;
  for (auto& mutex : held) {
    threads.emplace_back([&] {
      ++begun;
      mutex.lock();
      mutex.unlock();
    });
  }
  await("to wait", [&] { return begun == held.size(); });
  must(sleep_for(10ms), "sleeping");
  const auto beside = cost_of_a_round();
  println("{} instructions, {} beside 200 contended locks", alone, beside);
  check(beside < alone + alone / 4, "contended locks of others do not raise the cost");
  for (auto& mutex : held) mutex.unlock();
}

}  // namespace

std::span<const Part> locks() {
  static constexpr Part parts[] = {{"lends", lends},
                                   {"too-long", too_long},
                                   {"lingers", lingers},
                                   {"hammers", hammers},
                                   {"many-held", many_held}};
  return parts;
}

}  // namespace harts
