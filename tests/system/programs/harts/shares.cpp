// How threads share one hart: by weight, and what a reservation takes of it. To be run where time
// is counted, on one hart.
#include "harts.h"

namespace harts {
namespace {

constexpr auto window = 500ms;

/// Computes until `end` and returns how often it has gone round.
std::uint64_t compute_until(nanoseconds end) {
  std::uint64_t rounds = 0;
  for (; now() < end; ++rounds) {
    for (int i = 0; i < 2000; ++i) asm volatile("");
  }
  return rounds;
}

/// The work of threads with these nice values, all of which compute for the same time.
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
  check(extremes[2] > 0, "nice 0 is not left without any");
}

/// Two threads that sleep half of the time could use all of the hart, and have no more of it than
/// the thread that never sleeps.
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

/// A thread that seldom computes runs as soon as it wakes, however many compute.
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
  check(latest < 50us, "it does not wait for their turns");
}

/// A thread that has reserved 2 ms of each 10 ms and never sleeps leaves the rest to others.
void reservation() {
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reserved = 0;
  Thread served{[&] {
    must(set_schedule(0, {.policy = abi::sched_deadline,
                          .runtime = 2'000'000,
                          .deadline = 10'000'000,
                          .period = 10'000'000}),
         "reserving");
    while (!stop) {
      reserved += compute_until(now() + 100us);
    }
  }};
  const auto ordinary = static_cast<double>(compute_until(now() + 300ms));
  const auto taken = static_cast<double>(reserved);
  stop = true;
  const double share = taken / (taken + ordinary);
  println("reserved 20 %, used {:.0f} %", share * 100);
  check(share > 0.1 && share < 0.55, "others have the rest");
  const bool is_exact = must(read_file("/proc/policy"), "policy").contains("[priority]");
  check(!is_exact || (share > 0.18 && share < 0.22), "it has what it has reserved");
}

constexpr Part parts[] = {
    {"by-weight", by_weight},
    {"sleepers", sleepers},
    {"answers", answers},
    {"reservation", reservation},
};

}  // namespace

std::span<const Part> shares() {
  return parts;
}

}  // namespace harts
