// A high-priority sleeper beside threads that never stop computing: it runs when its time has come,
// while a sleeper like everybody else waits for its turn.
#include <user/check.h>
#include <user/clock.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

using namespace user;

namespace {

constexpr int hogs = 3;
constexpr auto period = 2ms;

struct Lateness {
  nanoseconds least, median, worst;
};

Lateness sleep_repeatedly(int rounds) {
  std::vector<nanoseconds> late;
  for (int i = 0; i < rounds; ++i) {
    const auto deadline = now() + period;
    must(sleep_until(deadline), "sleeping");
    late.push_back(now() - deadline);
  }
  std::ranges::sort(late);
  return {late.front(), late[late.size() / 2], late.back()};
}

// The urgent one does not wait for a hog to be done, which computes for 10 ms in one go. Where the
// machine's harts are busy on all of the host's processors, its timers alone are late by some.
bool is_better(const Lateness& urgent, const Lateness& ordinary) {
  return urgent.median < 5ms || urgent.median < ordinary.median / 4;
}

void set_priority(int priority) {
  if (const auto set = set_realtime_priority(0, priority); !set && on_cotrap()) {
    fail("changing the priority: {}", abi::description(set.error()));
  }
}

void print_lateness(std::string_view who, int rounds, const Lateness& late) {
  println("{:>8}: {} sleeps of 2 ms beside {} hogs, late by {:.1f} us (median), {:.1f} us (worst)",
          who, rounds, hogs, microseconds(late.median), microseconds(late.worst));
}

}  // namespace

int main() {
  std::atomic<bool> stop = false;
  std::array<std::atomic<unsigned long>, hogs> work{};
  std::vector<Thread> threads;
  for (auto& counter : work) {
    threads.emplace_back([&] {
      while (!stop) counter.fetch_add(1, std::memory_order_relaxed);
    });
  }

  // A busy host may stop the whole machine for a while: then everybody is late, and it is tried
  // again.
  constexpr int few = 20, many = 200, tries = 5;
  Lateness ordinary{}, urgent{};
  for (int i = 0; i < tries; ++i) {
    set_priority(0);
    ordinary = sleep_repeatedly(few);
    set_priority(50);
    urgent = sleep_repeatedly(many);
    if (is_better(urgent, ordinary)) break;
  }
  stop = true;
  threads.clear();

  print_lateness("ordinary", few, ordinary);
  print_lateness("urgent", many, urgent);
  for (int i = 0; i < hogs; ++i) {
    println("hog {} counted to {}", i, work[i].load());
    check(work[i] > 0, "hog {} gets its share", i);
  }
  check(urgent.least >= 0ns, "nobody wakes too early");
  check(is_better(urgent, ordinary), "the urgent sleeper does not wait for a hog to be done");
  return 0;
}
