// Explores every interleaving, up to the printed bound: an interrupt may arrive before any
// operation of a job outside the strand, and a more urgent job then runs on the same hart.
// scenario.h describes scenarios.
#include "interrupting.h"

using namespace parallel_test;

TEST_CASE("a preempted step continues on its hart or on another one") {
  static unsigned preempted;  // summed over all schedules
  static unsigned moved;
  preempted = moved = 0;
  explore({.name = "preempted in mid-step", .bound = 2}, [](Run& run) {
    struct State : Interrupted {
      unsigned computing = 0;
      unsigned done = 0;
    };
    auto& state = run.make<State>();
    const auto compute = [](State& state) -> Task<> {
      const async::Job& self = async::current_job();
      const unsigned hart = async::platform::hart();
      ++state.computing;
      linger();
      --state.computing;
      check(&async::current_job() == &self, "preempted, and another one continues");
      check(self.may_run_on(async::platform::hart()), "it continues where it may not run");
      if (async::platform::hart() != hart) ++moved;
      co_await async::yield();
      ++state.done;
    };
    const auto urgent = [](State& state) -> Task<> {
      (void)co_await async::park("an interrupt");
      preempted += state.computing;
    };
    run.spawn_preemptible(0, compute(state), {.name = "stays", .priority = 20});
    run.spawn_preemptible(0, compute(state),
                          {.name = "roams", .priority = 20, .harts = async::all_harts});
    interrupt_once(run, state, urgent(state));
    run.at_end([&] { check(state.done == 2, "not all have ended"); });
  });
  CHECK(preempted > 0);
  CHECK(moved > 0);
}

// Only the push that finds an inbox empty sends an IPI to its hart.
TEST_CASE("a wake reaches its hart wherever the waking job is preempted") {
  // The preempted job moves to the hart that it has woken.
  explore({.name = "unpark preempted, and the job roams", .bound = 2}, [](Run& run) {
    auto& state = run.make<Interrupted>();
    state.sleeper =
        &run.spawn(1, sleep_until_posted(state, 1), {.name = "sleeper", .harts = only(1)});
    run.spawn_preemptible(0, post_from_job(state),
                          {.name = "poster", .priority = 20, .harts = async::all_harts});
    interrupt_once(run, state, run_urgently());
  });
  // The preempting job computes until the woken hart has done something.
  explore({.name = "unpark preempted by the job that it wakes", .bound = 1}, [](Run& run) {
    auto& state = run.make<Interrupted>();
    state.sleeper =
        &run.spawn(1, sleep_until_posted(state, 1), {.name = "sleeper", .harts = only(1)});
    run.spawn_preemptible(0, post_from_job(state), {.name = "poster", .priority = 20});
    const auto compute = [](Interrupted& state) -> Task<> {
      (void)co_await async::park("an interrupt");
      post(state);
      compute_until([&state] { return state.ended != 0; });
    };
    interrupt_once(run, state, compute(state));
  });
}

TEST_CASE("an interrupt's task takes a raise wherever the raising job is preempted") {
  explore({.name = "Interrupt::raise preempted by the job that it wakes", .bound = 1},
          [](Run& run) {
            struct State : Interrupted {
              async::Interrupt interrupt{1};
              unsigned taken = 0;
            };
            auto& state = run.make<State>();
            const auto serve = [](State& state) -> Task<> {
              check(co_await state.interrupt.wait() == WaitResult::woken, "not raised");
              ++state.taken;
            };
            const auto raise = [](State& state) -> Task<> {
              state.interrupt.raise();
              co_return;
            };
            const auto compute = [](State& state) -> Task<> {
              (void)co_await async::park("an interrupt");
              state.interrupt.raise();
              compute_until([&state] { return state.taken != 0; });
            };
            run.spawn_preemptible(1, serve(state), {.name = "driver"});
            run.spawn_preemptible(0, raise(state), {.name = "raiser", .priority = 20});
            interrupt_once(run, state, compute(state));
          });
}

// A job that pushes to its own hart's inbox sends no IPI, and later pushes from other harts rely on
// the first push.
TEST_CASE("a wake reaches a computing hart even if that hart's own job woke another job") {
  explore({.name = "unpark beside one of the hart's own", .bound = 2}, [](Run& run) {
    struct State : Parking {
      Parking second;
    };
    auto& state = run.make<State>();
    const auto compute = [](State& state) -> Task<> {
      post(state);
      compute_until([&state] { return state.second.ended != 0; });
      co_return;
    };
    const async::HartMask here = only(0);
    state.sleeper = &run.spawn(0, sleep_until_posted(state, 1),
                               {.name = "as urgent", .priority = 20, .harts = here});
    state.second.sleeper = &run.spawn(0, sleep_until_posted(state.second, 1),
                                      {.name = "more urgent", .priority = 5, .harts = here});
    run.spawn_preemptible(0, compute(state), {.name = "computes", .priority = 20});
    run.spawn(1, post_from_job(state.second), {.name = "waker", .harts = only(1)});
  });
}
