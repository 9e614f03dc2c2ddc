// Promises of some policies (policy.h).
#include "distribution.h"
#include "support.h"

using namespace policy_test;

namespace {

bool promises(const Kind& policy, unsigned promise) {
  return (policy.promises & promise) != 0;
}

Task<> short_work() {
  for (Compute left(900us); !left.done();) co_await left;
}

/// A chain of jobs: each spawns the next, which is more urgent than all other jobs. One of them is
/// always ready.
Task<> endless(Bench& bench) {
  for (Compute left(900us); !left.done();) co_await left;
  if (async::is_cancelled()) co_return;
  bench.spawn(endless(bench), {.name = "endless", .priority = 1}, {.deadline = async::now() + 1ms});
}

/// Spawns short urgent jobs again and again; they use nearly all of the time.
void flood(Bench& bench, std::uint64_t when_ns) {
  bench.machine.at(when_ns, 0, [&bench, when_ns] {
    async::Attributes attributes{.deadline = async::now() + 1ms};
    bench.spawn(short_work(), {.name = "flood", .priority = 1}, attributes);
    flood(bench, when_ns + ns(1ms));
  });
}

/// Releases a job every `period`; it is due at the next release.
void release(Bench& bench, std::uint64_t when_ns, async::Duration work, async::Duration period,
             unsigned& missed) {
  bench.machine.at(when_ns, 0, [&bench, when_ns, work, period, &missed] {
    const async::Instant due = async::now() + period;
    auto piece = [](async::Duration work, async::Instant due, unsigned& missed) -> Task<> {
      for (Compute left(work); !left.done();) co_await left;
      if (!async::is_cancelled() && async::now() > due) ++missed;
    };
    bench.spawn(piece(work, due, missed), {.name = "piece", .priority = 16}, {.deadline = due});
    release(bench, when_ns + ns(period), work, period, missed);
  });
}

}  // namespace

TEST_CASE("a policy that promises no starvation starves no job") {
  FOR_EVERY_POLICY(policy);
  if (!promises(policy, async::promise_no_starvation)) return;
  std::uint64_t ended = 0;
  Bench bench(policy);
  bench.start(0, [&] { bench.spawn(endless(bench), {.name = "endless", .priority = 1}); });
  bench.start(0,
              [&] { bench.spawn(work(bench, 50ms, ended), {.name = "patient", .priority = 31}); });
  bench.machine.run_until(ns(60s));
  CHECK(ended != 0);
}

TEST_CASE("under priorities and deadlines, a flood of work may starve a job") {
  for (const char* name : {"priority", "edf"}) {
    std::uint64_t ended = 0;
    Bench bench(kind(name));
    auto hopeful = [](Bench& bench, std::uint64_t& ended) -> Task<> {
      for (Compute left(100s); !left.done();) co_await left;
      ended = bench.machine.now();
    };
    flood(bench, 0);
    bench.start(0,
                [&] { bench.spawn(hopeful(bench, ended), {.name = "hopeful", .priority = 31}); });
    bench.machine.run_until(ns(200s));
    INFO(name);
    CHECK(ended == 0);
  }
}

TEST_CASE("a policy that promises shares divides time in proportion to weights") {
  FOR_EVERY_POLICY(policy);
  if (!promises(policy, async::promise_shares)) return;
  async::Duration done[3] = {};
  Bench bench(policy);
  bench.start(0, [&] {
    for (std::uint32_t i = 0; i < 3; ++i) {
      bench.spawn(work_for_ever(done[i]), {.name = "job", .priority = 16},
                  {.weight = 500 * (i + 1)});
    }
  });
  bench.machine.run_until(ns(100s));
  for (unsigned i = 0; i < 3; ++i) {
    INFO("weight " << i + 1);
    const double share = std::chrono::duration<double>(done[i]).count() / 100;
    CHECK(share > (i + 1) / 6.0 - 0.01);
    CHECK(share < (i + 1) / 6.0 + 0.01);
  }
}

TEST_CASE("a change of weight takes effect at once, for running and for ready jobs") {
  FOR_EVERY_POLICY(policy);
  if (!promises(policy, async::promise_shares)) return;
  for (const unsigned changed : {0u, 1u}) {
    async::Duration done[2] = {}, late{};
    async::Job* jobs[2] = {};
    Bench bench(policy);
    bench.start(0, [&] {
      for (unsigned i = 0; i < 2; ++i) jobs[i] = &bench.spawn(work_for_ever(done[i]));
    });
    bench.machine.at(ns(10s), 0, [&] {
      auto attributes = async::entity_of(*jobs[changed]).attributes;
      attributes.weight *= 3;
      async::Executor::set_attributes(*jobs[changed], attributes);
    });
    bench.machine.run_until(ns(10s));
    const async::Duration before = done[changed];
    bench.machine.run_until(ns(110s));
    INFO("job " << changed);
    CHECK(before > 4900ms);
    CHECK(before < 5100ms);
    CHECK(done[changed] - before > 74s);
    CHECK(done[changed] - before < 76s);
    // A new job starts at the others' virtual time, and gets a third of the share of the changed
    // job.
    bench.start(0, [&] { bench.spawn(work_for_ever(late)); });
    bench.machine.run_until(ns(210s));
    CHECK(late > 19s);
    CHECK(late < 21s);
  }
}

TEST_CASE("a job that mostly sleeps gets its share under a policy of shares") {
  FOR_EVERY_POLICY(policy);
  if (!promises(policy, async::promise_shares)) return;
  async::Duration hog{};
  unsigned rounds = 0;
  Bench bench(policy);
  auto naps = [](unsigned& rounds) -> Task<> {
    while (!async::is_cancelled()) {
      for (Compute left(1ms); !left.done();) co_await left;
      ++rounds;
      co_await async::sleep_for(19ms);
    }
  };
  bench.start(0, [&] {
    bench.spawn(work_for_ever(hog));
    bench.spawn(naps(rounds));
  });
  bench.machine.run_until(ns(100s));
  CHECK(rounds > 3500);  // 5,000 if it were alone; a time slice of 4 ms may precede each round
}

TEST_CASE("a job that yields early gets its share under a policy of shares") {
  FOR_EVERY_POLICY(policy);
  if (!promises(policy, async::promise_shares)) return;
  async::Duration whole{}, fifths{};
  Bench bench(policy);
  auto gives_way = [](async::Duration& done) -> Task<> {
    while (!async::is_cancelled()) {
      for (Compute left(800us); !left.done();) co_await left;  // a fifth of a time slice
      done += 800us;
      co_await async::yield();
    }
  };
  bench.start(0, [&] {
    bench.spawn(work_for_ever(whole));
    bench.spawn(gives_way(fifths));
  });
  bench.machine.run_until(ns(100s));
  const double share = std::chrono::duration<double>(fifths).count() / 100;
  CHECK(share > 0.48);
  CHECK(share < 0.52);
}

TEST_CASE("a policy that promises deadlines meets them up to a utilisation of 1") {
  FOR_EVERY_POLICY(policy);
  if (!promises(policy, async::promise_deadlines)) return;
  async::sim::Random random(7);
  for (unsigned set = 0; set < 50; ++set) {
    unsigned missed = 0;
    Bench bench(policy);
    double left = 1;
    for (unsigned i = 0; i < 5; ++i) {
      const auto period = async::Duration(1'000'000 * (2 + random.next() % 60));
      const double share = i == 4 ? left : left * random.unit();
      left -= share;
      const async::Duration work(static_cast<std::int64_t>(share * period.count()));
      if (work.count() != 0) release(bench, 0, work, period, missed);
    }
    bench.machine.run_until(ns(5s));
    INFO("set " << set);
    CHECK(missed == 0);
  }
}
