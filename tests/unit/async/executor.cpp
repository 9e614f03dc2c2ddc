#include <memory>
#include <thread>

#include "async/policy/kinds.h"
#include "ends_normally.h"
#include "support.h"

using namespace async_test;

namespace {

Task<> log_once(Log& log, std::string who) {
  log.push_back(who);
  co_return;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "jobs of one level run in order of arrival") {
  Log log;
  for (const char* who : {"a", "b", "c"}) async::spawn(log_steps(log, who, 2)).detach();
  run();
  CHECK(log == Log{"a", "b", "c", "a", "b", "c"});
}

TEST_CASE_METHOD(Fixture, "a job keeps any set of harts, also in a slot that was used before") {
  using async::HartMask;
  // Each has hart 0, the only one that runs here.
  const HartMask some[] = {async::all_harts, 1,     HartMask{1} << 63 | 1,
                           ~HartMask{0b110}, 0b101, async::harts_below(63)};
  for (const HartMask first : some) {
    for (const HartMask then : some) {
      Log log;
      auto handle = async::spawn(log_once(log, "a"), {.harts = first});
      async::Job& job = handle.job();
      CHECK(job.harts() == first);
      async::current_executor().set_harts(job, then);
      CHECK(job.harts() == then);
      for (unsigned hart = 0; hart < 64; ++hart) {
        CHECK(job.may_run_on(hart) == ((then & async::hart_mask(hart)) != 0));
        CHECK(job.may_leave(hart) == (then != async::hart_mask(hart)));
      }
      handle.detach();
      run();
    }
  }
}

TEST_CASE_METHOD(Fixture, "the most urgent of the 32 levels runs first") {
  Log log;
  Log expected;
  for (int priority = 31; priority >= 0; --priority) {
    async::spawn(log_once(log, std::to_string(priority)),
                 {.priority = static_cast<std::uint8_t>(priority)})
        .detach();
    expected.insert(expected.begin(), std::to_string(priority));
  }
  run();
  CHECK(log == expected);
}

TEST_CASE_METHOD(
    Fixture, "a yield lets jobs of the same or a more urgent level run, never less urgent ones") {
  Log log;
  async::spawn(log_steps(log, "low", 1), {.priority = 20}).detach();
  async::spawn(log_steps(log, "high", 3), {.priority = 3}).detach();
  run();
  CHECK(log == Log{"high", "high", "high", "low"});
}

TEST_CASE_METHOD(Fixture,
                 "yield_if_preempted lets only more urgent jobs run and stays first in its level") {
  Log log;
  auto body = [&]() -> Task<> {
    async::spawn(log_once(log, "equal"), {.priority = 10}).detach();
    co_await async::yield_if_preempted();
    log.push_back("no urgent job");
    async::spawn(log_once(log, "urgent"), {.priority = 9}).detach();
    co_await async::yield_if_preempted();
    log.push_back("back");
  };
  async::spawn(body(), {.priority = 10}).detach();
  run();
  CHECK(log == Log{"no urgent job", "urgent", "back", "equal"});
}

TEST_CASE_METHOD(Fixture, "ready_priority and preempts report the most urgent ready job") {
  Log log;
  CHECK(executor.ready_priority() == async::priorities);
  CHECK(executor.is_idle());
  CHECK_FALSE(executor.preempts(31));
  async::spawn(log_once(log, "a"), {.priority = 31}).detach();
  CHECK(executor.ready_priority() == 31);
  CHECK_FALSE(executor.preempts(31));
  CHECK(executor.preempts(32));
  async::spawn(log_once(log, "b"), {.priority = 0}).detach();
  CHECK(executor.ready_priority() == 0);
  CHECK(executor.preempts(1));
  CHECK_FALSE(executor.preempts(0));
  run();
  CHECK(executor.ready_priority() == async::priorities);
}

TEST_CASE_METHOD(Fixture,
                 "a ready job moves to the end of its new level when its priority is set") {
  Log log;
  auto a = async::spawn(log_once(log, "a"), {.priority = 10});
  auto b = async::spawn(log_once(log, "b"), {.priority = 10});
  auto c = async::spawn(log_once(log, "c"), {.priority = 5});
  executor.set_priority(a.job(), 5);
  CHECK(executor.ready_priority() == 5);
  executor.set_priority(c.job(), 31);
  executor.set_priority(c.job(), 4);
  run();
  CHECK(log == Log{"c", "a", "b"});
  CHECK(executor.ready_priority() == async::priorities);
}

TEST_CASE_METHOD(Fixture,
                 "the last job of a level may leave, and later jobs of the level still run") {
  Log log;
  auto a = async::spawn(log_once(log, "a"), {.priority = 10});
  auto b = async::spawn(log_once(log, "b"), {.priority = 10});
  executor.set_priority(b.job(), 5);
  auto c = async::spawn(log_once(log, "c"), {.priority = 10});
  executor.set_priority(a.job(), 5);
  executor.set_priority(c.job(), 5);
  auto d = async::spawn(log_once(log, "d"), {.priority = 10});
  run();
  CHECK(log == Log{"b", "a", "c", "d"});
}

TEST_CASE_METHOD(Fixture, "two neighbours may leave the start, the middle or the end of a level") {
  for (const int first : {1, 2, 3, 4}) {
    const int second = first + 1;
    Log log;
    std::vector<async::JoinHandle<void>> jobs;
    for (int i = 0; i < 6; ++i) {
      jobs.push_back(async::spawn(log_once(log, std::to_string(i)), {.priority = 10}));
    }
    CHECK(async::Executor::run_one());  // now job 1 is the first
    for (const int left : {first, second}) {
      executor.set_priority(jobs[static_cast<std::size_t>(left)].job(), 20);
    }
    auto last = async::spawn(log_once(log, "last"), {.priority = 10});
    run();
    Log wanted{"0"};
    for (int i = 1; i < 6; ++i) {
      if (i != first && i != second) wanted.push_back(std::to_string(i));
    }
    wanted.insert(wanted.end(), {"last", std::to_string(first), std::to_string(second)});
    CHECK(log == wanted);
  }
}

TEST_CASE_METHOD(Fixture, "a spawned job inherits the base priority of its parent") {
  auto body = []() -> Task<> {
    auto child = async::spawn([]() -> Task<> { co_return; }());
    CHECK(child.job().priority == 7);
    co_await std::move(child);
  };
  async::spawn(body(), {.priority = 7}).detach();
  run();
}

TEST_CASE_METHOD(Fixture,
                 "the executor sees a wake from an interrupt handler before the next step") {
  Log log;
  auto sleeper = [&]() -> Task<> {
    log.push_back(name(co_await async::park("device")));
    log.push_back(name(co_await async::park("device")));
  };
  auto handle = async::spawn(sleeper(), {.priority = 1});
  run();
  CHECK(log.empty());
  async::spawn(log_steps(log, "step", 3), {.priority = 2}).detach();
  executor.run_one();
  async::Executor::unpark(handle.job());
  async::Executor::unpark(handle.job());  // a second unpark before the job has run has no effect
  CHECK(executor.preempts(2));
  run();
  CHECK(log == Log{"step", "woken", "step", "step"});
  async::Executor::unpark(handle.job());
  run();
  CHECK(log.back() == "woken");
  CHECK(handle.done());
}

TEST_CASE_METHOD(Fixture, "an unpark before the park lets it pass once") {
  int passed = 0;
  async::Event go;
  auto body = [&]() -> Task<> {
    co_await go.wait();
    co_await async::park("first");
    ++passed;
    co_await async::park("second");
    ++passed;
  };
  auto handle = async::spawn(body());
  run();
  async::Executor::unpark(handle.job());
  go.set();
  run();
  CHECK(passed == 1);
  async::Executor::unpark(handle.job());
  run();
  CHECK(passed == 2);
}

TEST_CASE_METHOD(
    Fixture, "a cancellation of a parked job loses against a wake that is already in the inbox") {
  WaitResult result{};
  auto body = [&]() -> Task<> { result = co_await async::park("device"); };
  auto woken = async::spawn(body());
  run();
  async::Executor::unpark(woken.job());
  woken.cancel();
  run();
  CHECK(result == WaitResult::woken);

  auto cancelled = async::spawn(body());
  run();
  cancelled.cancel();
  async::Executor::unpark(cancelled.job());
  run();
  CHECK(result == WaitResult::cancelled);
}

TEST_CASE_METHOD(Fixture, "an interrupt counts its raises, and one wait takes all of them") {
  async::Interrupt irq;
  std::vector<std::uint32_t> taken;
  auto driver = [&]() -> Task<> {
    while (co_await irq.wait("irq") == WaitResult::woken) taken.push_back(irq.taken());
  };
  irq.raise();  // before the driver waits
  auto handle = async::spawn(driver());
  run();
  CHECK(taken == std::vector<std::uint32_t>{1});
  irq.raise();
  irq.raise();
  irq.raise();
  run();
  CHECK(taken == std::vector<std::uint32_t>{1, 3});
  handle.cancel();
  irq.raise();  // races with the cancellation, which wins; the raise is kept
  run();
  CHECK(taken.size() == 2);
  auto next = async::spawn(driver());
  run();
  CHECK(taken == std::vector<std::uint32_t>{1, 3, 1});
  next.cancel();
  run();
}

TEST_CASE_METHOD(Fixture,
                 "an interrupt raised on another hart sends an IPI to the hart that waits") {
  async::Interrupt irq;
  int woken = 0;
  auto driver = [&]() -> Task<> {
    co_await irq.wait("irq");
    ++woken;
  };
  auto handle = async::spawn(driver());
  run();
  world().hart = 2;
  irq.raise();
  irq.raise();
  world().hart = 0;
  CHECK(world().ipis == std::vector<unsigned>{0});
  run();
  CHECK(woken == 1);
}

TEST_CASE_METHOD(Fixture,
                 "no raise is lost while four threads raise interrupts and the executor runs") {
  constexpr int threads = 4;
  constexpr std::uint64_t raises = 20'000;
  async::Interrupt irqs[2];
  std::uint64_t taken = 0;
  auto driver = [&](async::Interrupt& irq) -> Task<> {
    while (co_await irq.wait("irq") == WaitResult::woken) taken += irq.taken();
  };
  auto a = async::spawn(driver(irqs[0]));
  auto b = async::spawn(driver(irqs[1]));
  run();
  {
    std::vector<std::jthread> raisers;
    for (int i = 0; i < threads; ++i) {
      raisers.emplace_back([&irqs] {
        for (std::uint64_t j = 0; j < raises; ++j) irqs[j % 2].raise();
      });
    }
    for (int i = 0; i < 100'000; ++i) executor.run_one();
  }
  run();
  CHECK(taken == threads * raises);
  a.cancel();
  b.cancel();
  run();
}

TEST_CASE_METHOD(Fixture, "attributes under a policy are set on the job's own hart only") {
  async::policy::Memory memory;
  executor.set_policy(async::policy::find("edf")->make(memory.bytes, {}));
  auto waits = []() -> Task<> { co_await async::sleep_for(1ms); };
  auto job = async::spawn(waits());
  CHECK_FALSE(ends_normally([&] {
    world().hart = 1;
    new async::Executor;
    async::Executor::set_attributes(job.job(), {.weight = 2});
  }));
  async::Executor::set_attributes(job.job(), {.weight = 2});
  advance(2ms);
  CHECK(job.done());
  executor.set_policy(nullptr);
}

TEST_CASE_METHOD(Fixture, "run_one runs one step under a policy, even if an alarm fires in it") {
  async::policy::Memory memory;
  const async::policy::Kind* const fifo = async::policy::find("fifo");
  REQUIRE(fifo != nullptr);
  executor.set_policy(fifo->make(memory.bytes, {}));
  int steps = 0;
  auto step = [&]() -> Task<> {
    for (int i = 0; i < 10; ++i) {
      ++steps;
      if (steps % 3 == 0) executor.alarm_fired();
      co_await async::yield();
    }
  };
  auto first = async::spawn(step());
  auto second = async::spawn(step());
  for (int runs = 1; runs <= 20; ++runs) {
    CHECK(executor.run_one());
    CHECK(steps == runs);
  }
  run();
  CHECK((first.done() && second.done()));
  executor.set_policy(nullptr);
}
