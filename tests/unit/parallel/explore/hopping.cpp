// Explores every interleaving, up to the printed bound: a job is cancelled before, while and after
// it moves to another hart. scenario.h describes scenarios.
#include "moved.h"
#include "queue.h"

using namespace parallel_test;

namespace {

/// Counts cancellations by the moment at which they meet the job's move. Summed over all schedules.
struct Meetings {
  unsigned before = 0;  // the job is cancelled, and then continues on another hart
  unsigned amid = 0;    // the job is on its way to the other hart
  unsigned after = 0;   // the job has run on the other hart already
};
Meetings meetings;

/// A job that waits and moves.
struct Hopper {
  async::WaitList list;
  Moved moved;
  unsigned first = 0;  // the hart on which the job begins
  unsigned last = 0;   // the hart on which it ran last
  bool was_cancelled = false;
  unsigned ended = 0;  // waits that have ended
  bool was_reached = false;
  bool was_woken = false;
};

/// Records the hart on which the job runs, and checks that the job may run there.
void note_place(Hopper& hopper) {
  const unsigned hart = async::platform::hart();
  check_place(hopper.moved);
  if (hopper.was_cancelled && hopper.last == hopper.first && hart != hopper.last) ++meetings.before;
  hopper.last = hart;
}

Task<> cancel_hopper(Hopper& hopper, unsigned yields) {
  for (unsigned i = 0; i < yields; ++i) co_await async::yield();
  async::Job& job = *hopper.moved.job;
  if (hopper.ended == 2 && job.kind == async::Kind::done) co_return;
  if (hopper.last != hopper.first) ++meetings.after;
  if (job.kind == async::Kind::ready && job.hart != hopper.last) ++meetings.amid;
  hopper.was_cancelled = true;
  job.cancel();
}

Task<> move_hopper(Hopper& hopper, async::HartMask harts) {
  set_harts(hopper.moved, harts);
  co_return;
}

Task<> wake_hopper(Hopper& hopper) {
  hopper.was_reached = hopper.list.wake_one();
  co_return;
}

/// Waits for a wake, and then until it is cancelled.
Task<> wait_twice(Hopper& hopper) {
  const WaitResult result = co_await hopper.list.wait("a wake");
  ++hopper.ended;
  hopper.was_woken = result == WaitResult::woken;
  check(hopper.was_woken || hopper.was_cancelled, "a wait ends without a reason");
  note_place(hopper);
  co_await async::yield();
  note_place(hopper);
  check(co_await hopper.list.wait("a cancellation") == WaitResult::cancelled, "a wrong result");
  ++hopper.ended;
  check(hopper.was_cancelled, "a wait ends without a reason");
  note_place(hopper);
}

/// Yields, so that an idle hart may take the job, and then waits until it is cancelled.
Task<> yield_and_wait(Hopper& hopper) {
  for (int i = 0; i < 2; ++i) {
    note_place(hopper);
    co_await async::yield();
  }
  note_place(hopper);
  check(co_await hopper.list.wait("a cancellation") == WaitResult::cancelled, "a wrong result");
  hopper.ended += 2;
  note_place(hopper);
}

/// Waits for a timeout, and then for a cancellation. The job may move away from the hart that has
/// its timer.
Task<> wait_until_twice(Hopper& hopper) {
  const WaitResult result = co_await hopper.list.wait_until(async::now() + 10ns, "a time");
  ++hopper.ended;
  check(result == WaitResult::timed_out || hopper.was_cancelled, "a wait ends without a reason");
  note_place(hopper);
  check(co_await hopper.list.wait("a cancellation") == WaitResult::cancelled, "a wrong result");
  ++hopper.ended;
  note_place(hopper);
}

Hopper& make_hopper(Run& run, Task<> (*body)(Hopper&), async::HartMask harts = async::all_harts) {
  auto& hopper = run.make<Hopper>();
  hopper.moved.job = &run.spawn(0, body(hopper), {.name = "hopper", .harts = harts});
  run.at_end([&hopper] {
    check(hopper.ended == 2, "not each wait ends once");
    check(hopper.was_woken == hopper.was_reached, "a wake is lost");
  });
  return hopper;
}

void check_meetings() {
  CHECK(meetings.before > 0);
  CHECK(meetings.amid > 0);
  CHECK(meetings.after > 0);
}

}  // namespace

TEST_CASE("a job that is cancelled while it moves to another hart ends each wait once") {
  meetings = {};
  explore({.name = "cancel against set_harts and wake", .bound = 3, .weak = {2, 1}}, [](Run& run) {
    auto& hopper = make_hopper(run, wait_twice, only(0));
    run.spawn(0, move_hopper(hopper, only(1)), {.name = "mover", .harts = only(0)});
    run.spawn(0, wake_hopper(hopper), {.name = "waker", .harts = only(0)});
    run.spawn(1, cancel_hopper(hopper, 1), {.name = "canceller", .harts = only(1)});
  });
  check_meetings();
}

TEST_CASE("a job that is cancelled while an idle hart takes it ends its wait once") {
  meetings = {};
  explore({.name = "cancel against steal", .bound = 2, .weak = {2, 1}}, [](Run& run) {
    auto& hopper = make_hopper(run, yield_and_wait);
    run.spawn(0, cancel_hopper(hopper, 1), {.name = "canceller", .harts = only(0)});
    run.spawn(1, just_yield(0), {.name = "last", .harts = only(1)});
  });
  check_meetings();
}

TEST_CASE("a job that is cancelled on its way from the hart of its timer ends each wait once") {
  meetings = {};
  explore(
      {.name = "cancel against set_harts and timer", .bound = 2, .weak = {2, 1}, .has_clock = true},
      [](Run& run) {
        auto& hopper = make_hopper(run, wait_until_twice, only(0));
        run.spawn(0, move_hopper(hopper, only(1)), {.name = "mover", .harts = only(0)});
        run.spawn(1, cancel_hopper(hopper, 1), {.name = "canceller", .harts = only(1)});
      });
  check_meetings();
}

TEST_CASE("a job that waits while it shares the strand is moved and cancelled, and loses no wake") {
  explore({.name = "cancel against set_harts and wake, sharing",
           .bound = 3,
           .weak = {2, 1},
           .shares = true},
          [](Run& run) {
            struct State : Queue {
              Moved moved;
            };
            auto& state = run.make<State>();
            state.moved.job = &run.spawn(0, read(state, 1), {.name = "reader", .harts = only(0)});
            const auto move = [](Moved& moved) -> Task<> {
              set_harts(moved, only(1));
              co_return;
            };
            run.spawn(0, move(state.moved), {.name = "mover", .harts = only(0)});
            run.spawn(1, write(state), {.name = "writer", .harts = only(1)});
            run.spawn(1, cancel(*state.moved.job), {.name = "canceller", .harts = only(1)});
            run.at_end(
                [&state] { check(state.taken.get() + state.items.get() == 1, "an item is lost"); });
          });
}
