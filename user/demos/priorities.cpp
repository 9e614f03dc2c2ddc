// A high-priority sleeper beside threads that never stop computing: it runs when its time has come.
#include <user/check.h>
#include <user/clock.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

using namespace user;

int main() {
  constexpr int hogs = 3;
  constexpr int rounds = 200;
  constexpr auto period = 2ms;

  std::atomic<bool> stop = false;
  std::array<std::atomic<unsigned long>, hogs> work{};
  std::vector<Thread> threads;
  for (auto& counter : work) {
    threads.emplace_back([&] {
      while (!stop) counter.fetch_add(1, std::memory_order_relaxed);
    });
  }

  if (const auto raised = set_realtime_priority(0, 50); !raised && on_cotrap()) {
    fail("raising the priority: {}", abi::description(raised.error()));
  }
  std::vector<nanoseconds> late;
  late.reserve(rounds);
  for (auto next = now() + period; late.size() < rounds; next += period) {
    must(sleep_until(next), "sleeping");
    late.push_back(now() - next);
  }
  stop = true;
  threads.clear();

  std::ranges::sort(late);
  const auto median = late[rounds / 2];
  println("{} sleeps of 2 ms beside {} hogs: late by {:.1f} us (median), {:.1f} us (worst)", rounds,
          hogs, microseconds(median), microseconds(late.back()));
  for (int i = 0; i < hogs; ++i) {
    println("hog {} counted to {}", i, work[i].load());
    check(work[i] > 0, "hog {} gets its share", i);
  }
  check(late.front() >= 0ns, "nobody wakes too early");
  check(median < 1ms, "the sleeper does not wait for a hog to be done");
  return 0;
}
