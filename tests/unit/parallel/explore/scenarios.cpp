// Every interleaving, up to the bound that is printed, of a few harts that wake, idle, steal and
// cancel. See scenario.h for how one is made.
#include "scenario.h"

using namespace parallel_test;

// ── wake and idle ────────────────────────────────────────────────────────────────────────────────

namespace {

struct Parking {
  async::Job* sleeper = nullptr;
  Atomic<unsigned> posted = 0;
  unsigned seen = 0;
  unsigned ended = 0;
};

Task<> sleep_until_posted(Parking& parking, unsigned posts) {
  while ((parking.seen = parking.posted.load()) < posts) {
    const WaitResult result = co_await async::park("post");
    check(result == WaitResult::woken, "a park ended for another reason");
  }
  ++parking.ended;
}

void post(Parking& parking) {
  parking.posted.fetch_add(1);
  async::Executor::wake_from_isr(*parking.sleeper);
}

Task<> post_from_job(Parking& parking) {
  post(parking);
  co_return;
}

}  // namespace

TEST_CASE("a wake from outside is not lost, whether the hart steps, idles or is about to") {
  explore({.name = "wake_from_isr from outside, twice", .bound = 3}, [](Run& run) {
    auto& parking = run.make<Parking>();
    parking.sleeper = &run.spawn(0, sleep_until_posted(parking, 2), {.name = "sleeper"});
    run.add_device("device", [&] {
      post(parking);
      post(parking);
    });
  });
}

TEST_CASE("a wake from an interrupt handler is not lost") {
  explore({.name = "wake_from_isr in handlers of both harts", .bound = 2}, [](Run& run) {
    auto& parking = run.make<Parking>();
    parking.sleeper = &run.spawn(0, sleep_until_posted(parking, 2), {.name = "sleeper"});
    run.add_device("device", [&] {
      interrupt(0, [&] { post(parking); });
      interrupt(1, [&] { post(parking); });
    });
  });
}

TEST_CASE("a job of another hart wakes a parked one") {
  explore({.name = "wake_from_isr between harts", .bound = 3}, [](Run& run) {
    auto& parking = run.make<Parking>();
    parking.sleeper = &run.spawn(0, sleep_until_posted(parking, 2), {.name = "sleeper"});
    run.spawn(1, post_from_job(parking), {.name = "strand poster"});
    run.spawn_independent(1, post_from_job(parking), {.name = "independent poster"});
  });
}

namespace {

struct Meeting {
  async::WaitList list;
  bool open = false;
  unsigned through = 0;
};

Task<> wait_until_open(Meeting& meeting) {
  while (!meeting.open) {
    check(co_await meeting.list.wait("open") == WaitResult::woken, "not woken");
    linger();
  }
  ++meeting.through;
}

Task<> open_late(Meeting& meeting, unsigned yields) {
  for (unsigned i = 0; i < yields; ++i) co_await async::yield();
  meeting.open = true;
  linger();
  meeting.list.wake_all();
}

}  // namespace

TEST_CASE("a job that another hart makes ready runs, whatever its own hart does meanwhile") {
  explore({.name = "wake of jobs of another hart", .bound = 3}, [](Run& run) {
    auto& meeting = run.make<Meeting>();
    run.spawn(0, wait_until_open(meeting), {.name = "free"});
    run.spawn(0, wait_until_open(meeting), {.name = "pinned", .harts = only(0)});
    run.spawn(1, open_late(meeting, 1), {.name = "opener"});
    run.at_end([&] { check(meeting.through == 2, "not all came through"); });
  });
}

TEST_CASE("an interrupt's task takes every raise, wherever it comes from") {
  explore({.name = "Interrupt::raise against wait", .bound = 2}, [](Run& run) {
    struct State {
      async::Interrupt interrupt{0};
      unsigned taken = 0;
    };
    auto& state = run.make<State>();
    const auto serve = [](State& state) -> Task<> {
      while (state.taken < 3) {
        check(co_await state.interrupt.wait() == WaitResult::woken, "not raised");
        check(state.interrupt.taken() != 0, "woken for nothing");
        state.taken += state.interrupt.taken();
      }
    };
    const auto raise = [](State& state) -> Task<> {
      state.interrupt.raise();
      co_return;
    };
    run.spawn_independent(0, serve(state), {.name = "driver"});
    run.spawn(1, raise(state), {.name = "raiser"});
    run.add_device("device", [&] {
      state.interrupt.raise();
      interrupt(0, [&] { state.interrupt.raise(); });
    });
    run.at_end([&] { check(state.taken == 3, "raised three times"); });
  });
}

TEST_CASE("a driver outside the strand and a job of it wake each other") {
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
    run.spawn_independent(0, serve(state), {.name = "driver"});
    state.sleeper = &run.spawn(1, ask(state), {.name = "asker"});
  });
}

// ── steal ────────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a hart that has nothing to do gets a job of another") {
  explore({.name = "steal from who ends", .bound = 3}, [](Run& run) {
    for (const char* name : {"a", "b", "c"}) run.spawn(0, just_yield(0), {.name = name});
  });
  explore({.name = "steal from who yields", .bound = 3}, [](Run& run) {
    for (const char* name : {"a", "b"}) run.spawn(0, just_yield(2), {.name = name});
  });
  explore({.name = "steal from who idles then", .bound = 3}, [](Run& run) {
    auto& meeting = run.make<Meeting>();
    run.spawn(0, open_late(meeting, 0), {.name = "opener"});
    run.spawn(0, wait_until_open(meeting), {.name = "a", .priority = 3});
    run.spawn(0, wait_until_open(meeting), {.name = "b"});
  });
}

TEST_CASE("two thieves and two victims lose no job") {
  explore({.name = "three harts steal", .harts = 3, .bound = 2}, [](Run& run) {
    for (const char* name : {"a", "b", "c"}) run.spawn(0, just_yield(1), {.name = name});
    run.spawn(1, just_yield(0), {.name = "d"});
  });
}

TEST_CASE("whoever may not run on a hart is not stolen by it") {
  explore({.name = "steal and affinity", .bound = 3}, [](Run& run) {
    const auto stay = [](unsigned hart) -> Task<> {
      for (int i = 0; i < 2; ++i) {
        check(async::platform::hart() == hart, "it runs where it may not");
        co_await async::yield();
      }
    };
    run.spawn(0, stay(0), {.name = "a", .harts = only(0)});
    run.spawn(0, stay(0), {.name = "b", .harts = only(0)});
    run.spawn(0, just_yield(1), {.name = "c"});
  });
}

// ── cancel ───────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a park that is cancelled and woken at once ends once") {
  explore({.name = "cancel against wake_from_isr", .bound = 2}, [](Run& run) {
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
    run.add_device("device", [&] { async::Executor::wake_from_isr(*state.sleeper); });
  });
}

TEST_CASE("of a cancellation, a timeout and a wake one ends the wait, and the wake counts once") {
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

TEST_CASE("a deadline cuts what a job of another hart would have ended") {
  explore({.name = "with_deadline against wake", .bound = 2, .has_clock = true}, [](Run& run) {
    auto& meeting = run.make<Meeting>();
    const auto wait = [](Meeting& meeting) -> Task<> {
      const auto attempt = [](Meeting& meeting) -> Task<bool> {
        co_return co_await meeting.list.wait("open") == WaitResult::woken;
      };
      const auto result = co_await async::with_deadline(async::now() + 10ns, attempt(meeting));
      check(!result || *result, "cut, and not told");
      ++meeting.through;
    };
    run.spawn(0, wait(meeting), {.name = "waiter"});
    run.spawn(1, open_late(meeting, 1), {.name = "opener"});
    run.at_end([&] { check(meeting.through == 1, "not through"); });
  });
}

TEST_CASE("sleepers of both harts wake when it is time") {
  explore({.name = "sleep against idle", .bound = 1, .has_clock = true}, [](Run& run) {
    const auto sleep = [](async::Duration time) -> Task<> {
      const async::Instant due = async::now() + time;
      check(co_await async::sleep_until(due) == WaitResult::woken, "cut short");
      check(async::now() >= due, "too early");
    };
    run.spawn(0, sleep(10ns), {.name = "a"});
    run.spawn(1, sleep(20ns), {.name = "b"});
  });
}

TEST_CASE("who joins cancelled children on other harts waits for their end") {
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

// ── affinity and priority of jobs on their way ───────────────────────────────────────────────────

namespace {

struct Moved {
  async::Job* job = nullptr;
  unsigned late = 0;  // steps where it may not run, since it was told
};

/// One step that had begun, or was about to, when it was told may still be elsewhere.
void check_place(Moved& moved) {
  const bool may = moved.job->may_run_on(async::platform::hart());
  check(may || ++moved.late == 1, "it runs where it may not");
}

Task<> see_where(Moved& moved, unsigned steps) {
  for (unsigned i = 0; i < steps; ++i) {
    check_place(moved);
    co_await async::yield();
  }
}

void tell_where(Moved& moved, async::HartMask harts) {
  async::current_executor().set_harts(*moved.job, harts);
  moved.late = 0;
}

Task<> tell_twice(Moved& moved, async::HartMask first, async::HartMask then) {
  tell_where(moved, first);
  co_await async::yield();
  tell_where(moved, then);
}

}  // namespace

TEST_CASE("a job that is told where to run goes there, though it is on its way elsewhere") {
  explore({.name = "set_harts against steal", .bound = 3}, [](Run& run) {
    auto& moved = run.make<Moved>();
    moved.job = &run.spawn(0, see_where(moved, 3), {.name = "moved"});
    run.spawn(0, just_yield(1), {.name = "beside"});
    run.spawn(1, tell_twice(moved, only(1), only(0)), {.name = "teller"});
  });
}

TEST_CASE("a job that is told where to run while it waits goes there when it is woken") {
  explore({.name = "set_harts against wake", .bound = 2}, [](Run& run) {
    struct State : Parking {
      Moved moved;
    };
    auto& state = run.make<State>();
    const auto sleep = [](State& state) -> Task<> {
      co_await sleep_until_posted(state, 1);
      co_await see_where(state.moved, 2);
    };
    const auto tell = [](State& state) -> Task<> {
      tell_where(state.moved, only(1));
      co_return;
    };
    state.sleeper = state.moved.job = &run.spawn(0, sleep(state), {.name = "sleeper"});
    run.spawn(0, tell(state), {.name = "teller"});
    run.add_device("device", [&] { post(state); });
  });
}

namespace {

struct Urgent : Meeting {
  async::Job* job = nullptr;
};

Task<> wait_urgently(Urgent& urgent, unsigned yields) {
  for (unsigned i = 0; i < yields; ++i) co_await async::yield();
  co_await wait_until_open(urgent);
}

Task<> make_urgent(Urgent& urgent) {
  for (const std::uint8_t priority : {9, 8}) {
    async::current_executor().set_priority(*urgent.job, priority);
    for (int i = 0; i < 2; ++i) {
      co_await async::yield();
      check(urgent.job->kind != async::Kind::waiting || urgent.job->priority == priority,
            "it waits with a priority it had before");
    }
  }
  urgent.open = true;
  urgent.list.wake_all();
}

}  // namespace

TEST_CASE("a job's priority takes effect, though it is on its way to another hart") {
  explore({.name = "set_priority against steal", .bound = 3}, [](Run& run) {
    auto& urgent = run.make<Urgent>();
    run.spawn(0, make_urgent(urgent), {.name = "changer", .priority = 20, .harts = only(0)});
    run.spawn(0, just_yield(0), {.name = "beside", .priority = 20, .harts = only(0)});
    urgent.job = &run.spawn(0, wait_urgently(urgent, 1), {.name = "urgent", .priority = 20});
  });
  explore({.name = "set_priority from another hart", .bound = 3}, [](Run& run) {
    auto& urgent = run.make<Urgent>();
    urgent.job = &run.spawn(0, wait_urgently(urgent, 1), {.name = "urgent", .priority = 20});
    run.spawn(1, make_urgent(urgent), {.name = "changer", .priority = 20});
  });
}

TEST_CASE("who holds a mutex inherits the priority of who waits for it on another hart") {
  explore({.name = "mutex between harts", .bound = 3}, [](Run& run) {
    struct State {
      async::Mutex mutex;
      unsigned inside = 0;
    };
    auto& state = run.make<State>();
    const auto enter = [](State& state) -> Task<> {
      for (int i = 0; i < 2; ++i) {
        const auto guard = co_await state.mutex.lock();
        check(state.inside++ == 0, "two hold the mutex");
        co_await async::yield();
        --state.inside;
      }
    };
    run.spawn(0, enter(state), {.name = "lazy", .priority = 25});
    run.spawn(1, enter(state), {.name = "urgent", .priority = 5});
  });
}

// ── the strand ───────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a job that leaves the strand for a while is alone again when it is back") {
  explore({.name = "leaving and entering the strand", .bound = 3}, [](Run& run) {
    struct State {
      unsigned inside = 0;
    };
    auto& state = run.make<State>();
    const auto alone = [](State& state) {
      check(++state.inside == 1, "two in the strand");
      linger();
      --state.inside;
    };
    const auto user = [alone](State& state) -> Task<> {
      for (int i = 0; i < 2; ++i) {
        alone(state);
        async::platform::leave_strand_step();
        async::Strand::leave();
        linger();
        async::Strand::enter();
        async::platform::enter_strand_step();
        alone(state);
        co_await async::yield();
      }
    };
    const auto kernel = [alone](State& state) -> Task<> {
      for (int i = 0; i < 2; ++i) {
        alone(state);
        co_await async::yield();
      }
    };
    run.spawn(0, user(state), {.name = "user a"});
    run.spawn(1, user(state), {.name = "user b"});
    run.spawn(1, kernel(state), {.name = "kernel"});
  });
}

TEST_CASE("a channel between harts passes every value, in order") {
  explore({.name = "channel between harts", .bound = 2}, [](Run& run) {
    auto& channel = run.make<async::Channel<int, 1>>();
    const auto send = [](async::Channel<int, 1>& channel) -> Task<> {
      for (int i = 0; i < 3; ++i) co_await channel.send(i);
      channel.close();
    };
    const auto receive = [](async::Channel<int, 1>& channel) -> Task<> {
      int expected = 0;
      while (const auto value = co_await channel.receive()) {
        check(*value == expected++, "out of order");
      }
      check(expected == 3, "a value is lost");
    };
    run.spawn(0, send(channel), {.name = "sender"});
    run.spawn(1, receive(channel), {.name = "receiver"});
  });
}
