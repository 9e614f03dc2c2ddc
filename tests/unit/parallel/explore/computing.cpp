// Explores every interleaving, up to the printed bound, of harts that run programs for long: ready
// jobs behind a program run on idle harts, and need not wait for its end.
#include "scenario.h"

using namespace parallel_test;

namespace {

struct Beside {
  unsigned ran = 0;  // jobs other than the program's
};

Task<> run_beside(Beside& beside) {
  ++beside.ran;
  co_return;
}

/// Models user mode: outside the strand, until `wanted` other jobs have run or an interrupt is
/// pending.
void run_program(Beside& beside, unsigned wanted) {
  async::platform::leave_strand_step();
  async::Strand::leave();
  auto& hart = async::platform::this_hart();
  explorer.wait("program", [&] { return beside.ran >= wanted || hart.ipi_sent; });
  async::platform::take_ipi();
  async::Strand::enter();
  async::platform::enter_strand_step();
}

/// Models a thread whose program computes until `wanted` other jobs have run.
void compute(Beside& beside, unsigned wanted) {
  while (beside.ran < wanted) {
    (void)async::current_executor().preempts(async::current_job().priority);
    run_program(beside, wanted);
  }
}

/// As compute(), for a job that is never in the strand.
Task<> compute_preemptibly(Beside& beside, unsigned wanted) {
  (void)co_await async::park("start");
  auto& hart = async::platform::this_hart();
  while (beside.ran < wanted) {
    explorer.wait("computation", [&] { return beside.ran >= wanted || hart.ipi_sent; });
    async::platform::take_ipi();
    (void)async::current_executor().preempts(async::current_job().priority);
  }
}

Task<> spawn_and_compute(Beside& beside, unsigned count, unsigned wanted) {
  for (unsigned i = 0; i < count; ++i) {
    async::spawn(run_beside(beside), {.name = "beside"}).detach();
  }
  compute(beside, wanted);
  co_return;
}

Task<> yield_and_compute(Beside& beside) {
  co_await async::yield();
  compute(beside, 1);
}

}  // namespace

TEST_CASE("a job queued behind a long computation runs on an idle hart") {
  explore({.name = "spawned before a long computation", .bound = 3}, [](Run& run) {
    run.spawn(0, spawn_and_compute(run.make<Beside>(), 1, 1), {.name = "program"});
  });
  explore({.name = "two spawned before a long computation", .bound = 2}, [](Run& run) {
    run.spawn(0, spawn_and_compute(run.make<Beside>(), 2, 2), {.name = "program"});
  });
}

TEST_CASE("a job behind a computation also runs if the other hart is about to become idle") {
  explore({.name = "spawned while the other hart ends a job", .bound = 3}, [](Run& run) {
    run.spawn(0, spawn_and_compute(run.make<Beside>(), 1, 1), {.name = "program"});
    run.spawn(1, just_yield(1), {.name = "last", .harts = only(1)});
  });
  explore({.name = "a long computation after a yield", .bound = 3}, [](Run& run) {
    auto& beside = run.make<Beside>();
    run.spawn(0, yield_and_compute(beside), {.name = "program"});
    run.spawn(0, run_beside(beside), {.name = "beside"});
    run.spawn(1, just_yield(1), {.name = "last", .harts = only(1)});
  });
}

TEST_CASE("a job behind a computation also runs if the steal request is at another hart") {
  explore({.name = "two harts ask beside a long computation", .harts = 3, .bound = 1},
          [](Run& run) {
            run.spawn(0, spawn_and_compute(run.make<Beside>(), 2, 2), {.name = "program"});
            run.spawn(1, just_yield(1), {.name = "last of 1", .harts = only(1)});
            run.spawn(2, just_yield(1), {.name = "last of 2", .harts = only(2)});
          });
  // Hart 1's steal request goes to hart 2, then to hart 0, which is slow. Hart 1 then runs a job,
  // and is idle again before hart 0 has answered.
  explore({.name = "a request that has passed the computation", .harts = 3, .bound = 1},
          [](Run& run) {
            struct State : Beside {
              async::Job* sleeper = nullptr;
            };
            auto& state = run.make<State>();
            const auto sleep = []() -> Task<> { (void)co_await async::park("work"); };
            const auto program = [](State& state) -> Task<> {
              async::Executor::unpark(*state.sleeper);
              co_await spawn_and_compute(state, 1, 1);
            };
            run.spawn(0, spawn_and_compute(state, 0, 1), {.name = "late", .harts = only(0)});
            state.sleeper = &run.spawn(1, sleep(), {.name = "sleeper", .harts = only(1)});
            run.spawn(2, program(state), {.name = "program", .harts = only(2)});
          });
}

TEST_CASE("a job behind a computing preemptible job runs on an idle hart") {
  explore({.name = "behind a preemptible job", .bound = 2}, [](Run& run) {
    struct State : Beside {
      async::Job* computation = nullptr;
    };
    auto& state = run.make<State>();
    const auto start = [](State& state) -> Task<> {
      async::spawn(run_beside(state), {.name = "beside"}).detach();
      async::Executor::unpark(*state.computation);
      co_return;
    };
    state.computation = &run.spawn_preemptible(0, compute_preemptibly(state, 1),
                                               {.name = "computation", .priority = 5});
    run.spawn(0, start(state), {.name = "starter", .harts = only(0)});
    run.spawn(1, just_yield(1), {.name = "last", .harts = only(1)});
  });
}

// A push to a non-empty inbox sends no IPI: it relies on the IPI of an earlier push.
TEST_CASE("a raise after the last look at the inbox keeps no other job from a computing hart") {
  explore({.name = "a raise after the last look", .bound = 3}, [](Run& run) {
    struct State : Beside {
      async::Interrupt interrupt{0};
      async::Job* sleeper = nullptr;
    };
    auto& state = run.make<State>();
    const auto serve = [](State& state) -> Task<> {
      co_await state.interrupt.wait();
      ++state.ran;
    };
    const auto sleep = [](State& state) -> Task<> {
      (void)co_await async::park("work");
      ++state.ran;
    };
    const auto wake = [](State& state) -> Task<> {
      async::Executor::unpark(*state.sleeper);
      co_return;
    };
    const auto program = [](State& state) -> Task<> {
      for (bool raised = false; state.ran < 2;) {
        if (async::current_executor().preempts(async::current_job().priority + 1)) {
          co_await async::yield();
          continue;
        }
        if (!std::exchange(raised, true)) state.interrupt.raise();
        run_program(state, 2);
      }
    };
    run.spawn_preemptible(0, serve(state), {.name = "driver"});
    state.sleeper = &run.spawn(0, sleep(state), {.name = "sleeper", .harts = only(0)});
    run.spawn(0, program(state), {.name = "program", .harts = only(0)});
    run.spawn(1, wake(state), {.name = "waker"});
  });
}
