// Jobs outside the strand: preemption by an interrupt handler in the middle of a step, and spin
// locks.
#include <functional>

#include "ends_normally.h"
#include "support.h"

using async::Executor;
using namespace async_test;

namespace {

Task<> log_once(Log& log, std::string who) {
  log.push_back(who);
  co_return;
}

/// Stands for a preempted stack, which the executor resumes like a coroutine frame.
struct PreemptedContext : async::ForgedFrame<std::coroutine_handle<>> {
  PreemptedContext() : ForgedFrame{resume} {}

  std::function<void()> on_resume;

  static void resume(void* context) noexcept { from<PreemptedContext>(context).on_resume(); }
};

class Preemptible : public Fixture {
 protected:
  Log log;
};

}  // namespace

TEST_CASE_METHOD(Preemptible, "a job belongs to the strand unless it is spawned preemptible") {
  auto own = async::spawn(log_once(log, "own"));
  async::Job& other = async::spawn_preemptible(log_once(log, "other"));
  CHECK_FALSE(own.job().is_preemptible());
  CHECK(other.is_preemptible());
  run();
  CHECK(log == Log{"own", "other"});
}

TEST_CASE_METHOD(Preemptible, "a preempted job resumes before its equals, but after urgent jobs") {
  async::Job& job = async::spawn_preemptible(log_once(log, "whole"), {.priority = 10});
  PreemptedContext context;
  std::coroutine_handle<> leaf;
  auto interrupted = [&]() -> Task<> {
    // Preempts this job in the middle of its step, as an interrupt handler does.
    leaf = Executor::preempt(async::current_job(), context.handle());
    Executor::ready_again(false);
    async::spawn(log_once(log, "urgent"), {.priority = 9}).detach();
    co_await std::suspend_always{};
  };
  async::Job& preempted = async::spawn_preemptible(interrupted(), {.priority = 10});
  context.on_resume = [&] {
    log.push_back("resumed");
    CHECK(preempted.is_preemptible());
    Executor::resume_preempted(preempted, leaf);
    leaf.resume();
  };
  executor.set_priority(job, 11);
  executor.set_priority(job, 10);
  executor.run_one();
  async::spawn(log_once(log, "equal"), {.priority = 10}).detach();
  run();
  CHECK(log == Log{"urgent", "resumed", "whole", "equal"});
}

TEST_CASE_METHOD(Preemptible, "a preempted job whose time slice is over resumes after its equals") {
  PreemptedContext context;
  std::coroutine_handle<> leaf;
  auto interrupted = [&]() -> Task<> {
    leaf = Executor::preempt(async::current_job(), context.handle());
    Executor::ready_again(true);
    co_await std::suspend_always{};
  };
  async::Job& preempted = async::spawn_preemptible(interrupted(), {.priority = 10});
  context.on_resume = [&] {
    log.push_back("resumed");
    Executor::resume_preempted(preempted, leaf);
    leaf.resume();
  };
  async::spawn(log_once(log, "equal"), {.priority = 10}).detach();
  run();
  CHECK(log == Log{"equal", "resumed"});
}

TEST_CASE_METHOD(Preemptible,
                 "an interrupt raised on its own hart wakes a preemptible task at once") {
  async::Interrupt irq;
  unsigned taken = 0;
  auto serve = [&]() -> Task<> {
    (void)co_await irq.wait();
    taken = irq.taken();
  };
  async::spawn_preemptible(serve());
  const auto handle = [&irq] {
    irq.raise();
    irq.deliver_here();
  };
  handle();  // the driver does not wait yet
  handle();
  run();
  CHECK(taken == 2);
  async::spawn_preemptible(serve());
  run();
  handle();
  CHECK(executor.inbox_is_empty());
  CHECK_FALSE(executor.is_idle());
  run();
  CHECK(taken == 1);
}

TEST_CASE_METHOD(Preemptible, "an interrupt stays in an inbox that has other entries") {
  async::Interrupt first, second;
  auto serve = [](async::Interrupt& irq) -> Task<> { (void)co_await irq.wait(); };
  async::spawn_preemptible(serve(first));
  async::spawn_preemptible(serve(second));
  run();
  first.raise();
  second.raise();
  second.deliver_here();
  first.deliver_here();
  CHECK_FALSE(executor.inbox_is_empty());
  CHECK(first.raised() == 1);
  CHECK(second.raised() == 1);
  run();
  CHECK(first.raised() == 0);
  CHECK(second.raised() == 0);
}

TEST_CASE_METHOD(Preemptible,
                 "the last unlock of nested spin locks requests a deferred preemption") {
  async::SpinLock outer, inner;
  async::Local& local = async::platform::local();
  outer.lock();
  {
    const async::SpinLock::Guard guard(inner);
    CHECK(local.spin_locks == 2);
    local.preemption_held_back = true;  // an interrupt arrived
  }
  CHECK(async::platform::world.ipis.empty());
  outer.unlock();
  CHECK(async::platform::world.ipis == std::vector<unsigned>{0});
  CHECK_FALSE(local.preemption_held_back);
  CHECK(local.spin_locks == 0);
}

TEST_CASE_METHOD(Preemptible, "a wait under a spin lock panics") {
  const auto run_job = [&](bool held) {
    async::SpinLock lock;
    auto waits = [&]() -> Task<> {
      lock.lock();
      if (!held) lock.unlock();
      co_await async::yield();
    };
    async::spawn(waits()).detach();
    run();
  };
  CHECK(ends_normally([&] { run_job(false); }));
  CHECK_FALSE(ends_normally([&] { run_job(true); }));
}

TEST_CASE_METHOD(Preemptible, "a cancellation of a preemptible job panics") {
  CHECK(ends_normally([&] { async::spawn(log_once(log, "of the strand")).job().cancel(); }));
  CHECK_FALSE(ends_normally([&] { async::spawn_preemptible(log_once(log, "outside")).cancel(); }));
}

TEST_CASE_METHOD(
    Preemptible,
    "a job that may migrate panics if it waits for an interrupt or a timer of one hart") {
  async::Interrupt irq;
  auto wait = [&]() -> Task<> { (void)co_await irq.wait(); };
  auto hurry = [&]() -> Task<> {
    (void)co_await async::with_deadline(async::now() + 1ms, log_once(log, "in time"));
  };
  const auto run_job = [&](Task<> task, async::HartMask harts) {
    async::spawn_preemptible(std::move(task), {.harts = harts});
    run();
  };
  CHECK(ends_normally([&] { run_job(wait(), 0); }));
  CHECK_FALSE(ends_normally([&] { run_job(wait(), async::all_harts); }));
  CHECK(ends_normally([&] { run_job(hurry(), 0); }));
  CHECK_FALSE(ends_normally([&] { run_job(hurry(), async::all_harts); }));
}
