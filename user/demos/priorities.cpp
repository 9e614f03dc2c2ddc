// A high-priority sleeper and threads that never stop computing: the sleeper runs as soon as its
// sleep ends. A sleeper of ordinary priority may have to wait until a time slice ends.
#include <user/check.h>
#include <user/clock.h>
#include <user/counters.h>
#include <user/demo.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <vector>

COTRAP_DEMO(.description =
                "an urgent sleeper runs on time beside threads that never stop computing",
            .icount = true);

using namespace user;

namespace {

constexpr int hogs = 3;
constexpr auto period = 2ms;

constexpr auto on_time = 100us;  // far less than a hog's time slice of 10 ms

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

// Whether only the kernel can make a wake late. The host may delay the machine or its timers,
// except under icount, where instructions are the time. But several harts under icount run one at a
// time. So the function requires icount and one hart.
bool lateness_is_the_kernels() {
  return std::popcount(must(affinity(0), "affinity")) == 1 && counts_are_exact();
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
  const bool is_judged = lateness_is_the_kernels();
  std::atomic<bool> stop = false;
  std::array<std::atomic<unsigned long>, hogs> work{};
  std::vector<Thread> threads;
  for (auto& counter : work) {
    threads.emplace_back([&] {
      while (!stop) counter.fetch_add(1, std::memory_order_relaxed);
    });
  }

  constexpr int few = 20, many = 200;
  set_priority(0);
  const Lateness ordinary = sleep_repeatedly(few);
  set_priority(50);
  const Lateness urgent = sleep_repeatedly(many);
  stop = true;
  threads.clear();

  print_lateness("ordinary", few, ordinary);
  print_lateness("urgent", many, urgent);
  for (int i = 0; i < hogs; ++i) {
    println("hog {} counted to {}", i, work[i].load());
    check(work[i] > 0, "hog {} gets time to run", i);
  }
  check(urgent.least >= 0ns, "no sleeper wakes early");
  if (is_judged) {
    check(urgent.worst < on_time, "the urgent sleeper does not wait for a hog's time slice");
    check(ordinary.worst > on_time, "the ordinary sleeper waits for a hog's time slice");
  } else {
    println("the host may cause part of this: it cannot with --icount and one hart");
  }
  return 0;
}
