// Jobs outside the strand: what the executor does when an interrupt handler puts one aside in the
// midst of its step, and spin locks.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>

#include "support.h"

using namespace async_test;

namespace {

Task<> log_once(Log& log, std::string who) {
  log.push_back(who);
  co_return;
}

/// What a stack that was put aside looks like to the executor: a frame that is resumed.
struct Aside {
  void (*resume)(Aside*) = [](Aside* self) { self->goes_on(); };
  void (*destroy)(Aside*) = nullptr;
  std::function<void()> goes_on;

  std::coroutine_handle<> handle() { return std::coroutine_handle<>::from_address(this); }
};

class Independent : public Fixture {
 protected:
  Log log;
};

}  // namespace

TEST_CASE_METHOD(Independent, "a job is of the strand unless it is spawned independent") {
  auto own = async::spawn(log_once(log, "own"));
  auto other = async::spawn(log_once(log, "other"), {.independent = true});
  CHECK_FALSE(own.job().is_independent());
  CHECK(other.job().is_independent());
  run();
  CHECK(log == Log{"own", "other"});
}

TEST_CASE_METHOD(Independent,
                 "a job that was put aside goes on before its equals, after the urgent") {
  auto job = async::spawn(log_once(log, "whole"), {.priority = 10, .independent = true});
  Aside aside;
  std::coroutine_handle<> leaf;
  auto interrupted = [&]() -> Task<> {
    // As an interrupt handler would, in the midst of this job's step.
    leaf = executor.put_aside(async::current_job(), aside.handle(), false);
    async::spawn(log_once(log, "urgent"), {.priority = 9}).detach();
    co_await std::suspend_always{};
  };
  auto handle = async::spawn(interrupted(), {.priority = 10, .independent = true});
  async::Job& put_aside = handle.job();
  aside.goes_on = [&] {
    log.push_back("goes on");
    CHECK(put_aside.is_independent());
    async::Executor::take_up(put_aside, leaf);
    leaf.resume();
  };
  executor.set_priority(job.job(), 11);
  executor.set_priority(job.job(), 10);
  executor.run_one();
  async::spawn(log_once(log, "equal"), {.priority = 10}).detach();
  run();
  CHECK(log == Log{"urgent", "goes on", "whole", "equal"});
}

TEST_CASE_METHOD(Independent, "one whose turn is over goes on after its equals") {
  Aside aside;
  std::coroutine_handle<> leaf;
  auto interrupted = [&]() -> Task<> {
    leaf = executor.put_aside(async::current_job(), aside.handle(), true);
    co_await std::suspend_always{};
  };
  auto handle = async::spawn(interrupted(), {.priority = 10, .independent = true});
  async::Job& put_aside = handle.job();
  aside.goes_on = [&] {
    log.push_back("goes on");
    async::Executor::take_up(put_aside, leaf);
    leaf.resume();
  };
  async::spawn(log_once(log, "equal"), {.priority = 10}).detach();
  run();
  CHECK(log == Log{"equal", "goes on"});
}

TEST_CASE_METHOD(Independent, "an interrupt raised on its hart wakes an independent task at once") {
  async::Interrupt irq;
  unsigned taken = 0;
  auto serve = [&]() -> Task<> {
    (void)co_await irq.wait();
    taken = irq.taken();
  };
  async::spawn(serve(), {.independent = true}).detach();
  irq.raise_here();  // nobody waits yet
  irq.raise_here();
  run();
  CHECK(taken == 2);
  async::spawn(serve(), {.independent = true}).detach();
  run();
  irq.raise_here();
  CHECK_FALSE(executor.is_idle());
  run();
  CHECK(taken == 1);
}

TEST_CASE_METHOD(Independent,
                 "a spin lock holds preemption back, and asks for it when it is let go") {
  async::SpinLock outer, inner;
  async::Local& local = async::platform::local();
  outer.lock();
  {
    const async::SpinLock::Guard guard(inner);
    CHECK(local.spin_locks == 2);
    local.preemption_held_back = true;  // an interrupt has come
  }
  CHECK(async::platform::world.pokes.empty());
  outer.unlock();
  CHECK(async::platform::world.pokes == std::vector<unsigned>{0});
  CHECK_FALSE(local.preemption_held_back);
  CHECK(local.spin_locks == 0);
}

TEST_CASE_METHOD(Independent, "who waits with a spin lock held is caught") {
  const auto ends_well = [&](bool held) {
    const pid_t child = fork();
    if (child == 0) {
      std::freopen("/dev/null", "w", stderr);
      std::signal(SIGABRT, SIG_DFL);
      async::SpinLock lock;
      auto waits = [&]() -> Task<> {
        lock.lock();
        if (!held) lock.unlock();
        co_await async::yield();
      };
      async::spawn(waits()).detach();
      run();
      _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  };
  CHECK(ends_well(false));
  CHECK_FALSE(ends_well(true));
}
