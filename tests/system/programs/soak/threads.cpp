// Workers whose threads sleep and change harts.
#include "soak.h"

namespace soak {

void use_timers() {
  static std::atomic<std::uint32_t> word = 0;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      Slot& slot = claim("timer");
      Random random{17 + i};
      for (; !stopping(); ++slot.count) {
        if (random.below(8) == 0) wander(random);
        const auto length = some_time(random);
        const auto begin = now();
        if (i % 2 == 0) {
          must(sleep_for(length), "sleeping");
          check(now() - begin >= length, "no sleep ends early");
        } else {
          const auto timeout = to_timespec(length);
          syscall(Call::futex, &word, abi::futex_wait | abi::futex_private_flag, word.load(),
                  &timeout);
          ++word;
          futex_wake(word, 1);
        }
      }
      slot.who = nullptr;
    });
  }
}

void use_moves() {
  std::atomic<bool> over = false;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Slot& slot = claim("move");
      for (double sum = i; !over; ++slot.count) {
        const double before = sum;
        for (int n = 0; n < 3'000; ++n) sum += 1.0 / (n + 1);
        double again = before;
        for (int n = 0; n < 3'000; ++n) again += 1.0 / (n + 1);
        check(sum == again, "floating-point registers move with the thread");
        if (i == 0) must(sleep_for(100us), "sleeping");
      }
      slot.who = nullptr;
    });
  }
  Slot& slot = claim("mover");
  for (Random random{29}; !stopping(); ++slot.count) {
    const Pid thread = threads[random.below(threads.size())].id();
    const unsigned long harts = (random.below(all_harts) + 1) & all_harts;
    must(set_affinity(thread, harts != 0 ? harts : all_harts), "affinity");
    must(call(Call::setpriority, abi::prio_process, thread, random.below(20)), "setpriority");
    must(sleep_for(some_time(random)), "sleeping");
  }
  slot.who = nullptr;
  over = true;
}

}  // namespace soak
