// Explores every interleaving, up to the printed bound: affinity and priority of jobs change while
// the jobs move between harts. scenario.h describes scenarios.
#include "meeting.h"
#include "moved.h"

using namespace parallel_test;

namespace {

Task<> see_where(Moved& moved, unsigned steps) {
  for (unsigned i = 0; i < steps; ++i) {
    check_place(moved);
    co_await async::yield();
  }
}

Task<> set_harts_twice(Moved& moved, async::HartMask first, async::HartMask then) {
  set_harts(moved, first);
  co_await async::yield();
  set_harts(moved, then);
}

}  // namespace

TEST_CASE("set_harts moves a job, even while a hart steals it") {
  explore({.name = "set_harts against steal", .bound = 3}, [](Run& run) {
    auto& moved = run.make<Moved>();
    moved.job = &run.spawn(0, see_where(moved, 3), {.name = "moved"});
    run.spawn(0, just_yield(1), {.name = "beside"});
    run.spawn(1, set_harts_twice(moved, only(1), only(0)), {.name = "changer"});
  });
}

TEST_CASE("set_harts on a waiting job takes effect at its wake") {
  explore({.name = "set_harts against wake", .bound = 2}, [](Run& run) {
    struct State : Parking {
      Moved moved;
    };
    auto& state = run.make<State>();
    const auto sleep = [](State& state) -> Task<> {
      co_await sleep_until_posted(state, 1);
      co_await see_where(state.moved, 2);
    };
    const auto change = [](State& state) -> Task<> {
      set_harts(state.moved, only(1));
      co_return;
    };
    state.sleeper = state.moved.job = &run.spawn(0, sleep(state), {.name = "sleeper"});
    run.spawn(0, change(state), {.name = "changer"});
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
  urgent.open.set(true);
  urgent.list.wake_all();
}

}  // namespace

TEST_CASE("set_priority takes effect on a job that is moving to another hart") {
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

TEST_CASE("a mutex holder inherits the priority of a waiter on another hart") {
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
