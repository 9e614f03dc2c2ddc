// Explores every interleaving, up to the printed bound: if a wake, a cancellation and a deadline
// meet, exactly one of them ends the wait. scenario.h describes scenarios.
#include "meeting.h"

using namespace parallel_test;

TEST_CASE("a park that is cancelled and woken at the same time ends once") {
  explore({.name = "cancel against unpark", .bound = 2}, [](Run& run) {
    struct State {
      async::Job* sleeper = nullptr;
      unsigned woken = 0;
    };
    auto& state = run.make<State>();
    const auto sleep = [](State& state) -> Task<> {
      for (;;) {
        const WaitResult result = co_await async::park("wake");
        if (result == WaitResult::cancelled) co_return;
        check(result == WaitResult::woken && ++state.woken == 1, "woken more often than that");
      }
    };
    const auto cancel = [](State& state) -> Task<> {
      state.sleeper->cancel();
      co_return;
    };
    state.sleeper = &run.spawn(0, sleep(state), {.name = "sleeper"});
    run.spawn(1, cancel(state), {.name = "canceller"});
    run.add_device("device", [&] { async::Executor::unpark(*state.sleeper); });
  });
}

TEST_CASE("one of cancellation, timeout and wake ends the wait, and the wake counts once") {
  explore(
      {.name = "cancel against timeout against wake", .bound = 2, .has_clock = true}, [](Run& run) {
        struct State {
          async::WaitList list;
          async::Job* sleeper = nullptr;
          bool reached = false;
          bool woken = false;
        };
        auto& state = run.make<State>();
        const auto sleep = [](State& state) -> Task<> {
          const auto result = co_await state.list.wait_until(async::now() + 10ns, "any of three");
          state.woken = result == WaitResult::woken;
        };
        const auto wake = [](State& state) -> Task<> {
          state.reached = state.list.wake_one();
          co_return;
        };
        const auto cancel = [](State& state) -> Task<> {
          state.sleeper->cancel();
          co_return;
        };
        state.sleeper = &run.spawn(0, sleep(state), {.name = "sleeper"});
        run.spawn(1, wake(state), {.name = "waker"});
        run.spawn(1, cancel(state), {.name = "canceller"});
        run.at_end([&] { check(state.reached == state.woken, "a wake is lost"); });
      });
}

TEST_CASE("a deadline ends a wait that a job of another hart would have ended") {
  explore({.name = "with_deadline against wake", .bound = 2, .has_clock = true}, [](Run& run) {
    auto& meeting = run.make<Meeting>();
    const auto wait = [](Meeting& meeting) -> Task<> {
      const auto attempt = [](Meeting& meeting) -> Task<bool> {
        co_return co_await meeting.list.wait("open") == WaitResult::woken;
      };
      const auto result = co_await async::with_deadline(async::now() + 10ns, attempt(meeting));
      check(!result || *result, "the deadline ended the wait, but did not report it");
      meeting.through.add(1);
    };
    run.spawn(0, wait(meeting), {.name = "waiter"});
    run.spawn(1, open_late(meeting, 1), {.name = "opener"});
    run.at_end([&] { check(meeting.through.get() == 1, "not through"); });
  });
}

TEST_CASE("sleepers of both harts wake at their deadlines") {
  explore({.name = "sleep against idle", .bound = 1, .has_clock = true}, [](Run& run) {
    const auto sleep = [](async::Duration time) -> Task<> {
      const async::Instant due = async::now() + time;
      check(co_await async::sleep_until(due) == WaitResult::woken, "the sleep was cut short");
      check(async::now() >= due, "too early");
    };
    run.spawn(0, sleep(10ns), {.name = "a"});
    run.spawn(1, sleep(20ns), {.name = "b"});
  });
}

TEST_CASE("a job that joins cancelled children on other harts waits for their ends") {
  explore({.name = "cancel of a scope", .bound = 3}, [](Run& run) {
    struct State {
      async::WaitList list;
      async::Job* parent = nullptr;
      unsigned ended = 0;
    };
    auto& state = run.make<State>();
    const auto parent = [](State& state) -> Task<> {
      const auto child = [](State& state) -> Task<> {
        co_await state.list.wait("for ever");
        ++state.ended;
      };
      co_await async::with_scope([&](async::Scope& scope) -> Task<> {
        scope.spawn(child(state), {.name = "child"});
        scope.spawn(child(state), {.name = "pinned child", .harts = only(0)});
        co_return;
      });
      check(state.ended == 2, "left before its children had ended");
    };
    const auto cancel = [](State& state) -> Task<> {
      state.parent->cancel();
      co_return;
    };
    state.parent = &run.spawn(0, parent(state), {.name = "parent"});
    run.spawn(1, cancel(state), {.name = "canceller"});
  });
}
