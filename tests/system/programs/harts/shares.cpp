// How threads share one hart: by weight, and with reservations. Needs icount and one hart.
#include <abi/self_test.h>

#include "harts.h"

namespace harts {
namespace {

constexpr auto window = 360ms;

/// Computes until `end` and returns the number of rounds.
std::uint64_t compute_until(nanoseconds end) {
  std::uint64_t rounds = 0;
  for (; now() < end; ++rounds) {
    for (int i = 0; i < 2000; ++i) asm volatile("");
  }
  return rounds;
}

/// Runs a thread for each nice value for the same time, and returns the work of each.
std::vector<double> work_by_nice(std::initializer_list<int> nices) {
  std::vector<double> work(nices.size());
  const auto begin = now() + 10ms, end = begin + window;
  {
    std::vector<Thread> threads;
    for (std::size_t i = 0; i < nices.size(); ++i) {
      threads.emplace_back([&work, i, nice = nices.begin()[i], begin, end] {
        must(set_schedule(0, {.nice = nice}), "a nice value");
        must(sleep_until(begin), "sleeping");
        work[i] = static_cast<double>(compute_until(end));
      });
    }
  }
  return work;
}

void expect_ratio(std::initializer_list<int> nices, double expected) {
  const auto work = work_by_nice(nices);
  const double ratio = work.front() / work.back();
  println("nice {} and {}: {:.2f} to 1", nices.begin()[0], nices.begin()[1], ratio);
  check(ratio > expected * 0.9 && ratio < expected * 1.1, "it should be {:.2f} to 1", expected);
}

/// Linux's weights: 1024 for nice 0, 335 for 5, 110 for 10.
void by_weight() {
  expect_ratio({0, 0}, 1);
  expect_ratio({0, 5}, 1024.0 / 335);
  expect_ratio({-5, 0}, 3121.0 / 1024);
  expect_ratio({0, 10}, 1024.0 / 110);
  const auto extremes = work_by_nice({-20, 19, 0});
  check(extremes[0] > 20 * extremes[2], "nice -20 has most of the time");
  check(extremes[2] > 0, "nice 0 has some time");
}

/// Two threads sleep half of the time each. Together they could use the whole hart, but the thread
/// that never sleeps still gets its third.
void sleepers() {
  const auto begin = now() + 10ms, end = begin + window;
  std::array<double, 3> work{};
  {
    std::vector<Thread> threads;
    for (unsigned i = 0; i < work.size(); ++i) {
      threads.emplace_back([&work, i, begin, end] {
        must(sleep_until(begin + i * 3ms), "sleeping");
        std::uint64_t rounds = 0;
        while (now() < end) {
          rounds += compute_until(std::min(end, now() + 9ms));
          if (i != 0) must(sleep_for(9ms), "sleeping");
        }
        work[i] = static_cast<double>(rounds);
      });
    }
  }
  const double share = work[0] / (work[0] + work[1] + work[2]);
  println("beside two threads that sleep half of the time: {:.0f} %", share * 100);
  check(share > 0.28, "the thread that always computes has its third");
}

/// A thread that seldom computes runs as soon as it wakes, even if many other threads compute.
void answers() {
  std::atomic<bool> stop = false;
  std::vector<Thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) asm volatile("");
    });
  }
  must(sleep_for(200ms), "sleeping");
  nanoseconds latest{};
  for (int i = 0; i < 50; ++i) {
    const auto time = now() + 3ms;
    must(sleep_until(time), "sleeping");
    latest = std::max(latest, now() - time);
  }
  stop = true;
  println("beside four that compute, a sleeper is late by {} ns at most", latest.count());
  check(latest < 50us, "the sleeper runs at once");
}

void reserve(nanoseconds runtime, nanoseconds period) {
  const auto length = static_cast<std::uint64_t>(period.count());
  must(set_schedule(0, {.policy = abi::sched_deadline,
                        .runtime = static_cast<std::uint64_t>(runtime.count()),
                        .deadline = length,
                        .period = length}),
       "reserving");
}

/// Returns the share of a thread that has a reservation of 2 ms in 10 ms and never sleeps, beside a
/// thread that computes. `between` runs again and again in the thread with the reservation.
template <class Between>
double reserved_share(Between between) {
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reserved = 0;
  Thread served{[&] {
    reserve(2ms, 10ms);
    while (!stop) {
      reserved += compute_until(now() + 100us);
      between();
    }
  }};
  const auto ordinary = static_cast<double>(compute_until(now() + 300ms));
  const auto taken = static_cast<double>(reserved);
  stop = true;
  return taken / (taken + ordinary);
}

/// A thread with a reservation leaves the rest of the time to other threads.
void reservation() {
  const double share = reserved_share([] {});
  println("reserved 20 %, used {:.0f} %", share * 100);
  check(share > 0.1 && share < 0.55, "other threads have the rest of the time");
  const bool is_exact = must(read_file("/proc/policy"), "policy").contains("[priority]");
  check(!is_exact || (share > 0.18 && share < 0.22), "the thread has its reservation");
}

/// A thread gets no second budget in a period by requesting its reservation again, even if it was
/// an ordinary thread in between.
void renewals() {
  const double again = reserved_share([] { reserve(2ms, 10ms); });
  println("reserved again and again: {:.0f} %", again * 100);
  check(again < 0.25, "a repeated reservation gives no more time");
  const double renewed = reserved_share([] {
    must(set_schedule(0, {}), "an ordinary thread");
    reserve(2ms, 10ms);
  });
  println("released and reserved again: {:.0f} %", renewed * 100);
  check(renewed < 0.25, "a released and repeated reservation gives no more time");
}

/// Time that a thread used while no other thread was ready does not reduce its later budgets.
void debts() {
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> served_rounds = 0;
  Thread served{[&] {
    reserve(2ms, 10ms);
    while (!stop) {
      served_rounds += compute_until(now() + 5ms);
      must(sleep_for(5ms), "sleeping");
    }
  }};
  must(sleep_for(300ms), "sleeping");
  const auto before = served_rounds.load();
  const auto mine = static_cast<double>(compute_until(now() + 200ms));
  const auto rounds = static_cast<double>(served_rounds - before);
  stop = true;
  println("after a time alone: {:.0f} % of 20 %", rounds / (rounds + mine) * 100);
  check(rounds / (rounds + mine) > 0.08, "a thread that ran alone still has its reservation");
}

/// A thread whose budget is used up runs at once when it becomes an ordinary thread.
void unthrottled() {
  std::atomic<bool> stop = false;
  std::atomic<nanoseconds> ran{};
  Thread served{[&] {
    reserve(1ms, 1000ms);
    while (!stop) ran = now();
  }};
  compute_until(now() + 50ms);
  check(now() - ran.load() > 20ms, "the thread waits for its next period");
  must(set_schedule(served.id(), {}), "another schedule");
  const auto since = now();
  compute_until(since + 50ms);
  stop = true;
  check(ran.load() > since, "the thread runs again at once");
}

/// While no tick can come, time counts neither for a budget nor for its period. So a thread that is
/// seldom charged leaves others their part all the same. A busy host, which stops the whole machine
/// now and then, has the same effect as a step of 9 ms.
void unticked() {
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> rounds = 0;
  Thread other{[&] {
    while (!stop) rounds += compute_until(now() + 100us);
  }};
  must(sleep_for(5ms), "sleeping");
  reserve(9ms, 10ms);
  const std::uint64_t before = rounds;
  for (const auto end = now() + 300ms; now() < end;) {
    must(call(abi::self_test, static_cast<unsigned long>(abi::SelfTest::stall), 9ul, nullptr, 0),
         "a long step");
  }
  const std::uint64_t after = rounds;
  must(set_schedule(0, {}), "an ordinary thread");
  stop = true;
  println("beside a thread in long steps: {} rounds", after - before);
  check(after > before, "an ordinary thread has the rest of the time");
}

}  // namespace

std::span<const Part> shares() {
  static constexpr Part parts[] = {
      {"by-weight", by_weight},     {"sleepers", sleepers}, {"answers", answers},
      {"reservation", reservation}, {"renewals", renewals}, {"debts", debts},
      {"unthrottled", unthrottled}, {"unticked", unticked},
  };
  return parts;
}

}  // namespace harts
