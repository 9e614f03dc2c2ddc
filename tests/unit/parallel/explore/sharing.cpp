// Explores every interleaving, up to the printed bound: harts share the strand, and jobs wait and
// wake in steps that share it. scenario.h describes scenarios.
#include "queue.h"

using namespace parallel_test;

namespace {

/// A job waits until a time, beside a writer on another hart unless `puts` is 0. Returns the job.
async::Job& set_up_timeout(Run& run, unsigned puts) {
  struct State : Queue {
    unsigned ended = 0;
  };
  auto& state = run.make<State>();
  run.at_end([&state, puts] {
    check(state.ended == 1, "the wait does not end once");
    check(state.taken.get() + state.items.get() == puts, "an item is lost");
  });
  if (puts != 0) run.spawn(1, write_to_entry(state), {.name = "writer", .harts = only(1)});
  return run.spawn(0, read_until(state, state.ended), {.name = "reader"});
}

struct Counted {
  Plain<unsigned> value = 0;
};

/// Counts in the strand. Between two counts it shares the strand, and reads the count.
Task<> count_around_a_shared_part(Counted& counted) {
  linger();  // gives another hart time to share the strand, which would be an error
  counted.value.add(1);
  share_part([&] {
    const unsigned before = counted.value.get();
    linger();
    check(counted.value.get() == before, "a step was in the strand");
  });
  counted.value.add(1);
  co_return;
}

}  // namespace

TEST_CASE("no step is in the strand while a hart shares it") {
  explore({.name = "sharing and entering the strand", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            run.spawn(0, just_share(2), {.name = "a", .harts = only(0)});
            run.spawn(1, just_share(1), {.name = "b", .harts = only(1)});
            run.spawn(1, just_yield(1), {.name = "c", .harts = only(1)});
          });
  explore({.name = "three harts share", .harts = 3, .bound = 2, .shares = true}, [](Run& run) {
    for (unsigned hart = 0; hart < 3; ++hart)
      run.spawn(hart, just_share(1), {.name = "a", .harts = only(hart)});
  });
}

TEST_CASE("a part of a step shares the strand, and the rest of the step excludes all others") {
  explore({.name = "parts of steps that share", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& counted = run.make<Counted>();
            run.spawn(0, count_around_a_shared_part(counted), {.name = "a", .harts = only(0)});
            run.spawn(1, count_around_a_shared_part(counted), {.name = "b", .harts = only(1)});
            run.spawn(1, just_share(1), {.name = "c", .harts = only(1)});
            run.at_end([&] { check(counted.value.get() == 4, "a count is lost"); });
          });
}

TEST_CASE("a job that waits while it shares the strand gets every wake, on one hart at a time") {
  explore({.name = "a reader that shares the strand", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) {
            auto& queue = run.make<Queue>();
            run.spawn(0, read(queue, 2), {.name = "reader"});
            run.spawn(1, write(queue), {.name = "writer", .harts = only(1)});
            run.spawn(1, write(queue), {.name = "second writer"});
            run.at_end([&] {
              check(queue.taken.get() == 2 && queue.items.get() == 0, "an item is lost");
            });
          });
}

TEST_CASE("a job that is woken before its sharing step has ended is not resumed elsewhere") {
  explore({.name = "an idle hart beside a reader", .harts = 3, .bound = 3, .shares = true},
          [](Run& run) {
            auto& queue = run.make<Queue>();
            run.spawn(0, read(queue, 1), {.name = "reader"});
            run.spawn(1, write(queue), {.name = "writer", .harts = only(1)});
          });
}

TEST_CASE("a cancel and a wake of a job that shares the strand end its wait once") {
  explore({.name = "cancel against wake, sharing", .bound = 3, .shares = true}, [](Run& run) {
    auto& queue = run.make<Queue>();
    async::Job& reader = run.spawn(0, read(queue, 1), {.name = "reader"});
    run.spawn(1, write(queue), {.name = "writer"});
    run.spawn(1, cancel(reader), {.name = "canceller"});
    run.at_end([&] { check(queue.taken.get() + queue.items.get() == 1, "an item is lost"); });
  });
}

TEST_CASE("a timer and a wake of a job that shares the strand end its wait once") {
  explore({.name = "timer against wake, sharing", .bound = 2, .has_clock = true, .shares = true},
          [](Run& run) { set_up_timeout(run, 1); });
}

TEST_CASE("a timer and a cancel of a job that shares the strand end its wait once") {
  explore({.name = "timer against cancel, sharing",
           .bound = 2,
           .weak = {2, 1},
           .has_clock = true,
           .shares = true},
          [](Run& run) {
            async::Job& reader = set_up_timeout(run, 0);
            run.spawn(1, cancel(reader), {.name = "canceller", .harts = only(1)});
          });
}

TEST_CASE("a timer, a cancel and a wake of a job that shares the strand end its wait once") {
  explore({.name = "timer against cancel against wake, sharing",
           .bound = 2,
           .has_clock = true,
           .shares = true},
          [](Run& run) {
            async::Job& reader = set_up_timeout(run, 1);
            run.spawn(1, cancel(reader), {.name = "canceller", .harts = only(1)});
          });
}
