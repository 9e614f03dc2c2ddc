// Rules that every policy must keep, whatever its order.
#include <algorithm>
#include <array>
#include <set>

#include "distribution.h"
#include "support.h"

using namespace policy_test;
using async::sim::Random;

namespace {

struct Storm {
  ~Storm() { bench.machine.wind_down(); }  // the jobs that are left use the members below
  Bench& bench;
  async::Semaphore tokens{3};
  async::Mutex mutex;
  unsigned ended = 0;
  unsigned inside = 0;
};

/// Does everything that a job can do, at random; spawns children that do the same.
Task<> anything(Storm& storm, std::uint64_t seed, unsigned depth) {
  Random random(seed);
  for (unsigned step = 0; step < 12; ++step) {
    switch (random.next() % 7) {
      case 0: co_await async::yield(); break;
      case 1: co_await async::sleep_for(async::Duration(random.next() % 3'000'000)); break;
      case 2: {
        if (co_await storm.tokens.acquire() != async::WaitResult::woken) break;
        for (Compute left(200us); !left.done();) co_await left;
        storm.tokens.release();
        break;
      }
      case 3: {
        const auto guard = co_await storm.mutex.lock();
        if (++storm.inside != 1) async::platform::fail("two jobs hold one mutex");
        for (Compute left(100us); !left.done();) co_await left;
        --storm.inside;
        break;
      }
      case 4: {
        async::Executor& executor = async::current_executor();
        executor.set_priority(async::current_job(), random.next() % 32);
        break;
      }
      case 5:
        if (depth != 0) storm.bench.spawn(anything(storm, random.next(), depth - 1));
        break;
      default:
        for (Compute left(async::Duration(random.next() % 9'000'000)); !left.done();) {
          co_await left;
        }
    }
  }
  ++storm.ended;
}

unsigned live_jobs() {
  unsigned count = 0;
  async::for_each_job([](void* count, const async::Job&) { ++*static_cast<unsigned*>(count); },
                      &count);
  return count;
}

/// Fails if a job starts to run that is running already, or that is not ready.
struct Watch {
  explicit Watch(Machine& machine) {
    machine.set_hook([this](async::TraceEvent event, const async::Job& job) {
      using enum async::TraceEvent;
      const void* const owner = async::entity_of(job).attributes.owner;
      switch (event) {
        case spawn: ++spawned; break;
        case run:
          ++steps;
          twice += !running.insert(owner).second;
          break;
        case done: ++ended; [[fallthrough]];
        case wait:
        case yield:
        case preempt: running.erase(owner); break;
        default: break;
      }
    });
  }
  std::set<const void*> running;
  unsigned spawned = 0;
  unsigned steps = 0;
  unsigned ended = 0;
  unsigned twice = 0;
};

}  // namespace

TEST_CASE("no job is lost and none runs twice at once") {
  FOR_EVERY_POLICY(policy);
  const unsigned harts = GENERATE(1u, 2u, 4u);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Bench bench(policy, harts, seed);
    Storm storm{bench};
    Watch watch(bench.machine);
    bench.start(0, [&] {
      for (unsigned i = 0; i < 20; ++i) bench.spawn(anything(storm, seed * 100 + i, 2));
    });
    bench.machine.run_until(ns(100s));
    INFO("harts " << harts << ", seed " << seed);
    CHECK(watch.twice == 0);
    CHECK(watch.spawned > 20);
    CHECK(watch.ended == watch.spawned);
    CHECK(storm.ended == watch.spawned);
    CHECK(live_jobs() == 0);
    for (unsigned hart = 0; hart < harts; ++hart) CHECK(bench.machine.executor(hart).is_idle());
    bench.machine.set_hook({});
  }
}

TEST_CASE("a wake before the wait is not lost") {
  FOR_EVERY_POLICY(policy);
  unsigned passed = 0;
  Bench bench(policy);
  auto parks = [](unsigned& passed) -> Task<> {
    for (Compute left(5ms); !left.done();) co_await left;
    co_await async::park("park");
    ++passed;
    co_await async::park("park again");
    ++passed;
  };
  async::Job* job = nullptr;
  bench.start(0, [&] { job = &bench.spawn(parks(passed)); });
  bench.machine.at(ns(2ms), 0, [&] { async::Executor::unpark(*job); });
  bench.machine.run_until(ns(9ms));
  CHECK(passed == 1);
  bench.machine.at(ns(10ms), 0, [&] { async::Executor::unpark(*job); });
  bench.machine.run_until(ns(11ms));
  CHECK(passed == 2);
}

TEST_CASE("no hart idles while a job is ready") {
  FOR_EVERY_POLICY(policy);
  std::uint64_t ended[8] = {};
  Bench bench(policy, 4);
  bench.start(0, [&] {
    for (std::uint64_t& when : ended) bench.spawn(work(bench, 12ms, when));
  });
  unsigned in_vain = 0, idle = 0;
  for (std::uint64_t when = ns(500us); when < ns(50ms); when += ns(1ms)) {
    bench.machine.run_until(when);
    if (async::Executor::idle_harts() == 0) continue;
    ++idle;
    for (unsigned hart = 0; hart < 4; ++hart) in_vain += !bench.machine.executor(hart).is_idle();
  }
  CHECK(idle > 20);
  CHECK(in_vain == 0);
  CHECK(*std::ranges::max_element(ended) < ns(36ms));
}

TEST_CASE("no hart idles while a job is ready that it may run, among any number that it may not") {
  FOR_EVERY_POLICY(policy);
  std::uint64_t ended[4] = {}, others = 0;
  const auto start = [&](Bench& bench, std::uint8_t only) {
    const auto forty = [&bench, &others, only] {
      for (unsigned i = 0; i < 40; ++i) {
        bench.spawn(work(bench, 10ms, others), {.name = "other", .priority = 16, .harts = only});
      }
    };
    bench.start(0, [&bench, &ended, forty] {
      forty();
      for (std::uint64_t& when : ended) bench.spawn(work(bench, 1ms, when));
      forty();
    });
  };
  SECTION("jobs bound to one hart") {
    Bench bench(policy, 2);
    start(bench, 1);
    bench.machine.run_until(ns(6ms));
    CHECK(std::ranges::count(ended, 0) == 0);
    bench.machine.run_until(ns(2s));
    CHECK(others == ns(800ms));
  }
  SECTION("jobs that may use some harts") {
    Bench bench(policy, 3);
    bench.start(1, [&] {
      bench.spawn(work(bench, 10ms, others), {.name = "other", .priority = 16, .harts = 2});
    });
    start(bench, 3);
    bench.machine.run_until(ns(6ms));
    CHECK(std::ranges::count(ended, 0) == 0);
    bench.machine.run_until(ns(2s));
  }
  SECTION("many more jobs than one step of a search examines") {
    Bench bench(policy, 3);
    bench.start(1, [&] {
      bench.spawn(work(bench, 10ms, others), {.name = "other", .priority = 16, .harts = 2});
    });
    for (unsigned i = 0; i < 10; ++i) start(bench, 3);
    bench.machine.run_until(ns(50ms));
    CHECK(std::ranges::count(ended, 0) == 0);
    bench.machine.run_until(ns(9s));
  }
  SECTION("jobs that may move from now on") {
    async::Job* jobs[4] = {};
    Bench bench(policy, 2);
    bench.start(0, [&] {
      for (unsigned i = 0; i < 4; ++i) {
        jobs[i] = &bench.spawn(work(bench, 10ms, ended[i]),
                               {.name = "bound", .priority = 16, .harts = 1});
      }
    });
    // A job that is neither the first nor the last in the run queue.
    bench.machine.at(ns(1ms), 1, [&] {
      const async::Strand::Guard strand;
      bench.machine.executor(1).set_harts(*jobs[1], async::all_harts);
    });
    bench.machine.run_until(ns(31ms));
    CHECK(std::ranges::count(ended, 0) == 0);
  }
}

TEST_CASE("each step of a search examines a limited number of jobs and continues after the last") {
  FOR_EVERY_POLICY(policy);
  Bench bench(policy, 3);
  std::uint64_t ended = 0;
  bench.start(0, [&] {
    for (unsigned i = 0; i < 200; ++i) {
      bench.spawn(work(bench, 1ms, ended), {.name = "job", .priority = 16, .harts = 3});
    }
  });
  unsigned steps = 0;
  bench.machine.at(ns(500us), 0, [&] {
    async::Policy* const made = bench.machine.executor(0).policy();
    if (made == nullptr) return;
    for (bool from_start = true;; from_start = false, ++steps) {
      async::Search search{.harts = 4, .from_start = from_start};
      REQUIRE(made->take(false, search) == nullptr);
      if (search.is_over) break;
      REQUIRE(search.left == 0);
    }
  });
  bench.machine.run_until(ns(1s));
  CHECK(steps == (bench.machine.executor(0).policy() == nullptr ? 0u : 3u));
}

TEST_CASE("a job runs only on harts that it may use") {
  FOR_EVERY_POLICY(policy);
  unsigned elsewhere = 0;
  Bench bench(policy, 3);
  bench.machine.set_hook([&](async::TraceEvent event, const async::Job& job) {
    if (event == async::TraceEvent::run && !job.may_run_on(async::platform::hart())) ++elsewhere;
  });
  std::uint64_t ended[6] = {};
  bench.start(0, [&] {
    for (unsigned i = 0; i < 6; ++i) {
      const auto only = async::hart_mask(i % 2 + 1);
      bench.spawn(work(bench, 10ms, ended[i]), {.name = "job", .priority = 16, .harts = only});
    }
  });
  bench.machine.run_until(ns(1s));
  CHECK(elsewhere == 0);
  CHECK(*std::ranges::max_element(ended) == ns(30ms));
  CHECK(bench.machine.counts().busy_ns[0] == 0);
}

TEST_CASE("preemption does not depend on a priority that all jobs share") {
  FOR_EVERY_POLICY(policy);
  const auto ends = [&](std::uint8_t priority) {
    std::array<std::uint64_t, 8> ended{};
    Bench bench(policy);
    for (unsigned i = 0; i < 8; ++i) {
      bench.machine.at(ns(7ms) * i, 0, [&, i] {
        bench.spawn(work(bench, i % 2 == 0 ? 20ms : 1ms, ended[i]),
                    {.name = "job", .priority = priority},
                    {.deadline = async::now() + (i % 2 == 0 ? 200ms : 3ms)});
      });
    }
    bench.machine.run_until(ns(1s));
    return ended;
  };
  const auto usual = ends(16);
  CHECK(ends(0) == usual);
  CHECK(ends(1) == usual);
  CHECK(ends(31) == usual);
}

TEST_CASE("the policy can change while jobs are ready, run and wait") {
  FOR_EVERY_POLICY(policy);
  Bench bench(kind("priority"));
  Storm storm{bench};
  bench.start(0, [&] {
    for (unsigned i = 0; i < 20; ++i) bench.spawn(anything(storm, i, 0));
  });
  bench.machine.run_until(ns(20ms));
  REQUIRE(storm.ended < 20);
  async::policy::Memory memory;
  const auto change_to = [&](const Kind& other) {
    bench.machine.at(bench.machine.now(), 0,
                     [&] { bench.machine.executor(0).set_policy(other.make(memory.bytes, {})); });
  };
  change_to(policy);
  bench.machine.run_until(ns(60ms));
  REQUIRE(storm.ended < 20);
  change_to(kind("priority"));
  bench.machine.run_until(ns(70ms));
  change_to(policy);
  bench.machine.run_until(ns(100s));
  CHECK(storm.ended == 20);
  CHECK(live_jobs() == 0);
}

TEST_CASE("the policy can change from another hart, in the middle of a step") {
  FOR_EVERY_POLICY(policy);
  Bench bench(kind("priority"), 2);
  Storm storm{bench};
  Watch watch(bench.machine);
  bench.start(0, [&] {
    for (unsigned i = 0; i < 20; ++i) bench.spawn(anything(storm, i, 2));
  });
  async::policy::Memory memory[2][2];
  for (unsigned round = 0; round < 20; ++round) {
    const Kind& next = round % 3 == 2 ? kind("priority") : policy;
    bench.machine.at(ns(5ms) * (round + 1), round % 2, [&, round] {
      for (unsigned hart = 0; hart < 2; ++hart) {
        async::Policy* const made = next.make(memory[hart][round % 2].bytes, {.hart = hart});
        bench.machine.executor(hart).change_policy(made);
      }
    });
  }
  bench.machine.run_until(ns(100s));
  CHECK(storm.ended == watch.spawned);
  CHECK(live_jobs() == 0);
}

TEST_CASE("two runs with one seed are equal, and another seed's run differs") {
  FOR_EVERY_POLICY(policy);
  const auto hash = [&](std::uint64_t seed) {
    Bench bench(policy, 4, seed);
    Storm storm{bench};
    bench.start(0, [&] {
      for (unsigned i = 0; i < 20; ++i) bench.spawn(anything(storm, seed * 100 + i, 2));
    });
    bench.machine.run_until(ns(100s));
    return bench.machine.schedule_hash();
  };
  CHECK(hash(1) == hash(1));
  CHECK(hash(1) != hash(2));
}
