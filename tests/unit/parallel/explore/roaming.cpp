// Jobs outside the strand that move between harts, between two steps or in the middle of one.
#include "meeting.h"

using namespace parallel_test;

namespace {

/// Models preemption of a step by a more urgent job: this awaiter stands for the preempted stack.
struct Preempted {
  void (*resume)(Preempted*) = [](Preempted* self) {
    async::Executor::resume_preempted(*self->job, self->leaf);
    self->leaf.resume();
  };
  void (*destroy)(Preempted*) = nullptr;
  async::Job* job = nullptr;
  std::coroutine_handle<> leaf;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    async::platform::begin_wait();
    job = &async::current_job();
    job->set_leaf(self);
    leaf = async::Executor::preempt(*job, std::coroutine_handle<>::from_address(this));
    async::Executor::ready_again(false);
  }
  void await_resume() const {}
};

struct State : Parking {
  unsigned rounds = 0;
};

Task<> nest(State& state) {
  linger();
  ++state.rounds;
  co_return;
}

/// Checks that the current job stays the same on whatever hart it continues.
Task<> roam(State& state, unsigned times) {
  const async::Job& self = async::current_job();
  for (unsigned i = 0; i < times; ++i) {
    co_await Preempted{};
    check(&async::current_job() == &self, "another job runs after the preemption");
    co_await nest(state);
    co_await async::yield();
    check(&async::current_job() == &self, "another job runs after the yield");
  }
}

}  // namespace

TEST_CASE("a preempted step continues exactly once, on either hart") {
  explore({.name = "preempted beside an idle hart", .bound = 3}, [](Run& run) {
    auto& state = run.make<State>();
    run.spawn_preemptible(0, roam(state, 2), {.name = "roamer", .harts = async::all_harts});
    run.spawn(0, just_yield(1), {.name = "other", .harts = only(0)});
    run.at_end([&] { check(state.rounds == 2, "not all of its rounds"); });
  });
  explore({.name = "two preempted on two harts", .bound = 2}, [](Run& run) {
    auto& state = run.make<State>();
    auto& second = run.make<State>();
    run.spawn_preemptible(0, roam(state, 1), {.name = "first", .harts = async::all_harts});
    run.spawn_preemptible(1, roam(second, 1), {.name = "second", .harts = async::all_harts});
    run.spawn(0, just_yield(1), {.name = "other"});
    run.at_end([&] { check(state.rounds + second.rounds == 2, "not all of the rounds"); });
  });
}

TEST_CASE("a wake reaches a preemptible job on whichever hart it waits") {
  explore({.name = "unpark of a job that roams", .bound = 2}, [](Run& run) {
    auto& state = run.make<State>();
    const auto wait = [](State& state) -> Task<> {
      co_await roam(state, 1);
      co_await sleep_until_posted(state, 2);
    };
    state.sleeper =
        &run.spawn_preemptible(0, wait(state), {.name = "roamer", .harts = async::all_harts});
    run.spawn(1, post_from_job(state), {.name = "poster"});
    run.add_device("device", [&] { post(state); });
  });
}
