// Behaviour of single policies.
#include "support.h"

using namespace policy_test;

namespace {

using Order = std::vector<std::string>;

Task<> note(Order& order, std::string who, async::Duration work = 1ms) {
  for (Compute left(work); !left.done();) co_await left;
  order.push_back(std::move(who));
}

}  // namespace

TEST_CASE("fifo: jobs run in order of arrival, whatever their priorities") {
  Order order;
  Bench bench(kind("fifo"));
  bench.start(0, [&] {
    bench.spawn(note(order, "a", 30ms), {.name = "a", .priority = 20});
    bench.spawn(note(order, "b"), {.name = "b", .priority = 3});
    bench.spawn(note(order, "c"), {.name = "c", .priority = 10});
  });
  bench.machine.run_until(ns(1s));
  CHECK(order == Order{"a", "b", "c"});
  CHECK(bench.machine.counts().preemptions == 0);
}

TEST_CASE("round-robin: each job gets a time slice, so the shortest ends first") {
  Order order;
  Bench bench(kind("round-robin"));
  bench.start(0, [&] {
    bench.spawn(note(order, "20", 20ms));
    bench.spawn(note(order, "10", 10ms));
    bench.spawn(note(order, "3", 3ms));
  });
  bench.machine.run_until(ns(1s));
  CHECK(order == Order{"3", "10", "20"});
}

TEST_CASE("priority: more urgent jobs preempt, and a queued job's priority may change") {
  for (const char* name : {"priority", "aging"}) {
    Order order;
    async::Job* changed = nullptr;
    Bench bench(kind(name));
    bench.start(0, [&] {
      bench.spawn(note(order, "first", 5ms), {.name = "first", .priority = 15});
      bench.spawn(note(order, "middle"), {.name = "middle", .priority = 16});
      changed = &bench.spawn(note(order, "last"), {.name = "last", .priority = 20});
    });
    bench.machine.at(ns(1ms), 0, [&] { bench.machine.executor(0).set_priority(*changed, 2); });
    bench.machine.run_until(ns(1s));
    INFO(name);
    CHECK(order == Order{"last", "first", "middle"});
  }
}

TEST_CASE("edf: short jobs meet their deadlines beside a long job of any priority") {
  for (const std::uint8_t priority : {0, 1, 31}) {
    unsigned missed = 0;
    std::uint64_t ended = 0;
    Bench bench(kind("edf"));
    auto piece = [](async::Instant due, unsigned& missed) -> Task<> {
      for (Compute left(1ms); !left.done();) co_await left;
      if (async::now() > due) ++missed;
    };
    bench.start(
        0, [&] { bench.spawn(work(bench, 1s, ended), {.name = "long", .priority = priority}); });
    for (unsigned at = 1; at <= 200; ++at) {
      bench.machine.at(ns(at * 5ms), 0, [&] {
        const async::Instant due = async::now() + 3ms;
        bench.spawn(piece(due, missed), {.name = "short", .priority = 16}, {.deadline = due});
      });
    }
    bench.machine.run_until(ns(2s));
    INFO("priority " << unsigned{priority});
    CHECK(missed == 0);
    CHECK(ended == ns(1200ms));
  }
}

TEST_CASE("edf: the earlier deadline preempts a job that inherits priority 0") {
  Order order;
  async::Mutex mutex;
  Bench bench(kind("edf"));
  auto locks = [](Order& order, async::Mutex& mutex, std::string who,
                  async::Duration work) -> Task<> {
    const auto guard = co_await mutex.lock();
    for (Compute left(work); !left.done();) co_await left;
    order.push_back(std::move(who));
  };
  bench.start(0, [&] { bench.spawn(locks(order, mutex, "holder", 20ms)); });
  bench.machine.at(ns(1ms), 0, [&] {
    bench.spawn(locks(order, mutex, "waiter", 1ms), {.name = "waiter", .priority = 0},
                {.deadline = async::Instant(90ms)});
  });
  bench.machine.at(ns(2ms), 0, [&] {
    bench.spawn(note(order, "5"), {.name = "5", .priority = 16}, {.deadline = async::Instant(5ms)});
  });
  bench.machine.run_until(ns(1s));
  CHECK(order == Order{"5", "holder", "waiter"});
}

TEST_CASE("fifo: a job that unlocks a mutex and loses a priority is not preempted") {
  async::Mutex mutex;
  Bench bench(kind("fifo"));
  bool preempts_inside = true;
  bool preempts_after = true;
  auto is_preempted = [] {
    return async::current_executor().preempts(async::current_job().priority);
  };
  auto holds = [&]() -> Task<> {
    auto guard = co_await mutex.lock();
    co_await async::sleep_for(2ms);
    preempts_inside = is_preempted();
    guard.unlock();
    preempts_after = is_preempted();
  };
  auto waits = [&]() -> Task<> { const auto guard = co_await mutex.lock(); };
  bench.start(0, [&] { bench.spawn(holds()); });
  bench.machine.at(ns(1ms), 0, [&] { bench.spawn(waits(), {.name = "waiter", .priority = 3}); });
  bench.machine.run_until(ns(1s));
  CHECK_FALSE(preempts_inside);
  CHECK_FALSE(preempts_after);
}

TEST_CASE("priority: a preempted job resumes with the rest of its time slice") {
  Order order;
  std::uint64_t ended[2] = {};
  Bench bench(kind("priority"));
  bench.start(0, [&] {
    for (auto& each : ended) bench.spawn(work(bench, 12ms, each), {.name = "long", .priority = 20});
  });
  for (unsigned at = 1; at < 24; ++at) {  // preempts each time slice several times
    bench.machine.at(ns(at * 1ms), 0, [&] {
      bench.spawn(note(order, "short", 10us), {.name = "short", .priority = 1});
    });
  }
  bench.machine.run_until(ns(1s));
  CHECK(ended[0] > ns(20ms));  // runs of 4 + 4 + 4 ms, with the other job's 4 + 4 between them
  CHECK(ended[0] < ns(21ms));
  CHECK(ended[1] > ns(24ms));
}

TEST_CASE("edf: the earlier deadline preempts, and a queued job's deadline may change") {
  Order order;
  Bench bench(kind("edf"));
  const auto due = [](async::Duration when) {
    return async::Attributes{.deadline = async::Instant(when)};
  };
  async::Job* changed = nullptr;
  bench.start(0, [&] {
    bench.spawn(note(order, "none", 5ms));
    bench.spawn(note(order, "50", 5ms), {.name = "50", .priority = 16}, due(50ms));
    changed = &bench.spawn(note(order, "90"), {.name = "90", .priority = 16}, due(90ms));
  });
  bench.machine.at(ns(1ms), 0, [&] {
    auto attributes = async::entity_of(*changed).attributes;
    attributes.deadline = async::Instant(20ms);
    async::Executor::set_attributes(*changed, attributes);
  });
  bench.machine.run_until(ns(1s));
  CHECK(order == Order{"90", "50", "none"});
}

TEST_CASE("edf: attributes that were set before the first policy count under it") {
  Order order;
  async::policy::Memory memory;
  Bench bench(kind("priority"));
  const async::Attributes early{.deadline = async::Instant(50ms)};
  bench.start(0, [&] {
    bench.spawn(note(order, "gone"), {.name = "gone", .priority = 1}, early);
    bench.spawn(note(order, "first", 5ms), {.name = "first", .priority = 2});
  });
  bench.machine.at(ns(3ms), 0, [&] {
    // It may have the slot of the job that has ended, and must not get its deadline.
    async::spawn(bench.machine.executor(0), note(order, "none")).detach();
    bench.spawn(note(order, "90"), {.name = "90", .priority = 16},
                {.deadline = async::Instant(90ms)});
    bench.spawn(note(order, "50"), {.name = "50", .priority = 16}, early);
    bench.machine.executor(0).change_policy(kind("edf").make(memory.bytes, {}));
  });
  bench.machine.run_until(ns(1s));
  CHECK(order == Order{"gone", "50", "90", "none", "first"});
}

TEST_CASE("edf: an inherited deadline changes with the waiter's deadline") {
  Order order;
  async::Mutex mutex;
  Bench bench(kind("edf"));
  auto holds = [](Order& order, async::Mutex& mutex) -> Task<> {
    const auto guard = co_await mutex.lock();
    for (Compute left(5ms); !left.done();) co_await left;
    order.push_back("holder");
  };
  auto waits = [](Order& order, async::Mutex& mutex) -> Task<> {
    const auto guard = co_await mutex.lock();
    order.push_back("waiter");
  };
  async::Job* waiter = nullptr;
  bench.start(0, [&] { bench.spawn(holds(order, mutex)); });
  bench.machine.at(ns(1ms), 0, [&] {
    waiter = &bench.spawn(waits(order, mutex), {.name = "waiter", .priority = 3},
                          {.deadline = async::Instant(80ms)});
  });
  bench.machine.at(ns(2ms), 0, [&] {
    bench.spawn(note(order, "50", 5ms), {.name = "50", .priority = 16},
                {.deadline = async::Instant(50ms)});
    bench.spawn(note(order, "60", 5ms), {.name = "60", .priority = 16},
                {.deadline = async::Instant(60ms)});
  });
  bench.machine.at(ns(3ms), 0, [&] {
    async::Executor::set_attributes(*waiter, {.deadline = async::Instant(55ms),
                                              .owner = async::entity_of(*waiter).attributes.owner});
  });
  bench.machine.run_until(ns(1s));
  CHECK(order == Order{"50", "holder", "waiter", "60"});
}

TEST_CASE("edf: a mutex goes to the earliest deadline, however its waiters have changed") {
  constexpr int count = 30;
  constexpr auto step = 1ms;
  struct Waiter {
    async::Job* job = nullptr;
    async::Instant deadline = async::never;
    int priority = 0;
    bool waits = true;
  };
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::uint64_t random = seed;
    const auto draw = [&random](int below) {
      random = random * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
      return static_cast<int>((random >> 33) % static_cast<unsigned>(below));
    };
    async::policy::Memory memory[2];
    unsigned changes = 0;
    std::vector<Waiter> waiters(count);
    std::vector<int> got;
    std::vector<int> expected;
    async::Mutex mutex;
    async::AutoEvent unlock;
    Bench bench(kind("edf"));
    auto locks = [](async::Mutex& mutex, async::AutoEvent& unlock, std::vector<int>& got,
                    int who) -> Task<> {
      const auto guard = co_await mutex.lock_or_cancel();
      if (!guard) co_return;
      got.push_back(who);
      const async::Shield shield;
      co_await unlock.wait();
    };
    const auto draw_deadline = [&draw] {
      const int drawn = draw(8);
      return drawn == 0 ? async::never : async::Instant(1s + drawn * 1ms);
    };
    const auto attributes = [&waiters](int who) {
      return async::Attributes{.deadline = waiters[who].deadline,
                               .owner = async::entity_of(*waiters[who].job).attributes.owner};
    };
    bench.start(0, [&] { bench.spawn(locks(mutex, unlock, got, -1)); });
    bench.machine.at(ns(step), 0, [&] {
      for (int who = 0; who < count; ++who) {
        Waiter& waiter = waiters[who];
        waiter.deadline = draw_deadline();
        waiter.priority = who;
        waiter.job = &bench.spawn(locks(mutex, unlock, got, who),
                                  {.name = "waiter", .priority = static_cast<std::uint8_t>(who)},
                                  {.deadline = waiter.deadline});
      }
    });
    for (int round = 0; round < count; ++round) {
      bench.machine.at(ns((2 * round + 2) * step), 0, [&] {
        const async::Strand::Guard strand;
        for (int change = 0; change < 6; ++change) {
          const int who = draw(count);
          const int other = draw(count);
          Waiter& waiter = waiters[who];
          if (!waiter.waits) continue;
          switch (draw(4)) {
            case 0:
              waiter.deadline = draw_deadline();
              async::Executor::set_attributes(*waiter.job, attributes(who));
              break;
            case 1:
              if (!waiters[other].waits) break;
              std::swap(waiter.priority, waiters[other].priority);
              for (const int at : {who, other}) {
                bench.machine.executor(0).set_priority(
                    *waiters[at].job, static_cast<std::uint8_t>(waiters[at].priority));
              }
              break;
            case 2:
              if (draw(4) != 0) break;
              waiter.waits = false;
              waiter.job->cancel();
              break;
            default: break;
          }
        }
        if (draw(4) == 0) {
          void* const bytes = memory[changes++ % 2].bytes;
          bench.machine.executor(0).change_policy(kind("edf").make(bytes, {}));
        }
      });
      bench.machine.at(ns((2 * round + 3) * step), 0, [&] {
        const async::Strand::Guard strand;
        const Waiter* first = nullptr;
        for (const Waiter& waiter : waiters) {
          if (!waiter.waits) continue;
          if (first == nullptr || std::pair(waiter.deadline, waiter.priority) <
                                      std::pair(first->deadline, first->priority)) {
            first = &waiter;
          }
        }
        if (first == nullptr) return;
        const int who = static_cast<int>(first - waiters.data());
        expected.push_back(who);
        waiters[who].waits = false;
        unlock.set();
      });
    }
    bench.machine.at(ns((2 * count + 4) * step), 0, [&] { unlock.set(); });
    bench.machine.run_until(ns(1s));
    got.erase(got.begin());  // the first holder
    CHECK(got == expected);
    CHECK(mutex.owner() == nullptr);
  }
}

TEST_CASE("edf: a reservation limits a job to its budget, however much it computes") {
  async::Duration greedy{}, modest{};
  Bench bench(kind("edf"));
  const async::Attributes one{.budget = 2ms, .period = 10ms};
  const async::Attributes other{.budget = 5ms, .period = 10ms};
  bench.start(0, [&] {
    bench.spawn(work_for_ever(greedy), {.name = "greedy", .priority = 16}, one);
    bench.spawn(work_for_ever(modest), {.name = "modest", .priority = 16}, other);
  });
  bench.machine.run_until(ns(7s));
  CHECK(greedy > 1900ms);  // of 7 s, divided 2 : 5 as the reservations are
  CHECK(greedy < 2100ms);
  CHECK(modest > 4900ms);
}

TEST_CASE("mlfq: a job that computes for long lets other jobs run first") {
  async::Duration hog{};
  std::uint64_t ended = 0;
  Bench bench(kind("mlfq"));
  bench.start(0, [&] { bench.spawn(work_for_ever(hog)); });
  bench.machine.at(ns(500ms), 0, [&] { bench.spawn(work(bench, 2ms, ended)); });
  bench.machine.run_until(ns(600ms));
  CHECK(ended == ns(502ms));
}

TEST_CASE("steal-fifo: a hart steals the oldest job; steal-lifo: the newest") {
  for (const auto& [name, stolen] : {std::pair{"steal-fifo", "b"}, std::pair{"steal-lifo", "d"}}) {
    Order order, of_asker;
    Bench bench(kind(name), 2);
    bench.machine.set_hook([&](async::TraceEvent event, const async::Job& job) {
      if (event == async::TraceEvent::run && async::platform::hart() == 1) {
        of_asker.push_back(job.name());
      }
    });
    bench.start(1, [&] {
      bench.spawn(note(order, "busy", 10ms), {.name = "busy", .priority = 16, .harts = 2});
    });
    bench.machine.at(ns(1ms), 0, [&] {
      bench.spawn(note(order, "a", 90ms), {.name = "a", .priority = 16, .harts = 1});
    });
    bench.machine.at(ns(2ms), 0, [&] {
      for (const char* who : {"b", "c", "d"}) {
        bench.spawn(note(order, who, 30ms), {.name = who, .priority = 16});
      }
    });
    bench.machine.run_until(ns(15ms));
    INFO(name);
    CHECK(of_asker == Order{"busy", stolen});
    bench.machine.set_hook({});
  }
}
