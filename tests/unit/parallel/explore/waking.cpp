// Explores every interleaving, up to the printed bound: no wake is lost, whatever its source.
// scenario.h describes scenarios.
#include "meeting.h"

using namespace parallel_test;

TEST_CASE(
    "a wake from outside is not lost, whether the hart runs a step, idles or starts to idle") {
  explore({.name = "unpark from outside, twice", .bound = 3, .weak = {2, 1}}, [](Run& run) {
    auto& parking = run.make<Parking>();
    parking.sleeper = &run.spawn(0, sleep_until_posted(parking, 2), {.name = "sleeper"});
    run.add_device("device", [&] {
      post(parking);
      post(parking);
    });
  });
}

TEST_CASE("a wake from an interrupt handler is not lost") {
  explore({.name = "unpark in handlers of both harts", .bound = 2}, [](Run& run) {
    auto& parking = run.make<Parking>();
    parking.sleeper = &run.spawn(0, sleep_until_posted(parking, 2), {.name = "sleeper"});
    run.add_device("device", [&] {
      interrupt(0, [&] { post(parking); });
      interrupt(1, [&] { post(parking); });
    });
  });
}

TEST_CASE("a job of another hart wakes a parked one") {
  explore({.name = "unpark between harts", .bound = 3, .weak = {2, 1}}, [](Run& run) {
    auto& parking = run.make<Parking>();
    parking.sleeper = &run.spawn(0, sleep_until_posted(parking, 2), {.name = "sleeper"});
    run.spawn(1, post_from_job(parking), {.name = "strand poster"});
    run.spawn_preemptible(1, post_from_job(parking), {.name = "preemptible poster"});
  });
}

TEST_CASE("a job made ready by another hart runs whatever its own hart is doing") {
  explore({.name = "wake of jobs of another hart", .bound = 3, .weak = {2, 1}}, [](Run& run) {
    auto& meeting = run.make<Meeting>();
    run.spawn(0, wait_until_open(meeting), {.name = "free"});
    run.spawn(0, wait_until_open(meeting), {.name = "pinned", .harts = only(0)});
    run.spawn(1, open_late(meeting, 1), {.name = "opener"});
    run.at_end([&] { check(meeting.through.get() == 2, "not all came through"); });
  });
}

TEST_CASE("an interrupt's task takes every raise of every thread") {
  explore({.name = "Interrupt::raise against wait", .bound = 2}, [](Run& run) {
    struct State {
      async::Interrupt interrupt{0};
      unsigned taken = 0;
    };
    auto& state = run.make<State>();
    const auto serve = [](State& state) -> Task<> {
      while (state.taken < 3) {
        check(co_await state.interrupt.wait() == WaitResult::woken, "not raised");
        check(state.interrupt.taken() != 0, "woken without a raise");
        state.taken += state.interrupt.taken();
      }
    };
    const auto raise = [](State& state) -> Task<> {
      state.interrupt.raise();
      co_return;
    };
    run.spawn_preemptible(0, serve(state), {.name = "driver"});
    run.spawn(1, raise(state), {.name = "raiser"});
    run.add_device("device", [&] {
      state.interrupt.raise();
      interrupt(0, [&] { state.interrupt.raise(); });
    });
    run.at_end([&] { check(state.taken == 3, "raised three times"); });
  });
}

TEST_CASE("a preemptible driver and a job of the strand wake each other") {
  explore({.name = "request and answer across the strand", .bound = 2}, [](Run& run) {
    struct State : Parking {
      async::Interrupt request{0};
    };
    auto& state = run.make<State>();
    const auto serve = [](State& state) -> Task<> {
      for (int i = 0; i < 2; ++i) {
        co_await state.request.wait();
        post(state);
      }
    };
    const auto ask = [](State& state) -> Task<> {
      for (unsigned i = 1; i <= 2; ++i) {
        state.request.raise();
        while (state.posted.load() < i) co_await async::park("answer");
      }
    };
    run.spawn_preemptible(0, serve(state), {.name = "driver"});
    state.sleeper = &run.spawn(1, ask(state), {.name = "asker"});
  });
}

// The failure comes at the end of a run, while the job is still in the list.
TEST_CASE("the exploration finds a job that waits for ever") {
  const std::string failure = find_failure({.name = "never woken"}, [](Run& run) {
    auto& meeting = run.make<Meeting>();
    run.spawn(0, wait_until_open(meeting), {.name = "waiter"});
  });
  INFO(failure);
  CHECK(failure.contains("'waiter' has not ended"));
}
