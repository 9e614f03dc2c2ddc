// Explores every interleaving, up to the printed bound: an interrupt comes before, while and after
// a hart holds a leaf lock, and the job that it wakes takes the same lock. scenario.h describes
// scenarios.
#include <array>

#include "interrupting.h"
#include "queue.h"

using namespace parallel_test;

namespace {

/// Blocks that the jobs of all harts take, as from the store of free frames
/// (async/src/frame_pool.cpp). A job that holds the lock of an object may take a block.
struct Store {
  async::LeafLock lock{1};
  bool is_in_use = false;
  Plain<unsigned> taken = 0;
};

/// Takes a block, with interrupts masked. Scenarios with a seeded bug pass Unmasked.
template <class Masked = async::platform::InterruptGuard>
void take_block(Store& store) {
  [[maybe_unused]] const Masked masked;
  const async::LeafLock::Guard lock{store.lock};
  check(!std::exchange(store.is_in_use, true), "two hold a leaf lock at once");
  const unsigned before = store.taken.get();
  linger();  // an interrupt comes, or another hart wants the lock
  store.taken.set(before + 1);
  store.is_in_use = false;
}
struct Unmasked {};

bool holds_leaf_lock(unsigned hart) {
  return async::platform::world.harts[hart].local.leaf_locks != 0;
}

/// Counts interrupts and preemptions by the place at which they meet a job of hart 0.
struct Arrivals {
  enum : unsigned { before, holding, after, ended, count };
  std::array<unsigned, count> raised{};  // summed over all schedules
  std::array<unsigned, count> preempted{};
};

/// A job of hart 0 takes a block. An interrupt wakes a second job, which preempts the first one and
/// takes a block, too.
struct Taking : Interrupted {
  Store store;
  async::LeafLock object;
  Plain<unsigned> uses = 0;  // behind `object`
  unsigned at = Arrivals::before;
};

unsigned place_of(const Taking& taking) {
  return holds_leaf_lock(0) ? Arrivals::holding : taking.at;
}

template <class Masked>
Task<> take_interrupted(Taking& taking) {
  linger();
  take_block<Masked>(taking.store);
  taking.at = Arrivals::after;
  linger();
  taking.at = Arrivals::ended;
  co_return;
}

/// Takes a block for an object, as a job does that maps a page.
template <class Masked = async::platform::InterruptGuard>
void take_block_for_object(Taking& taking) {
  [[maybe_unused]] const Masked masked;
  const async::LeafLock::Guard lock{taking.object};
  taking.uses.add(1);
  take_block<Masked>(taking.store);
}

Task<> take_urgently(Taking& taking, Arrivals& arrivals) {
  (void)co_await async::park("an interrupt");
  ++arrivals.preempted[place_of(taking)];
  take_block_for_object(taking);
}

Task<> take_sharing(Taking& taking) {
  leave();
  {
    const Sharing sharing;
    take_block_for_object<Unmasked>(taking);  // interrupts are masked in the strand
  }
  enter();
  co_return;
}

template <class Masked>
void set_up_taking(Run& run, Arrivals& arrivals) {
  auto& taking = run.make<Taking>();
  run.spawn_preemptible(0, take_interrupted<Masked>(taking), {.name = "taker", .priority = 20});
  run.spawn(1, take_sharing(taking), {.name = "sharer", .harts = only(1)});
  interrupt_once(run, taking, take_urgently(taking, arrivals),
                 [&taking, &arrivals] { ++arrivals.raised[place_of(taking)]; });
  run.at_end([&taking] {
    check(taking.store.taken.get() == 3 && taking.uses.get() == 2, "an update is lost");
  });
}

/// A job of hart 0 takes a block. The job that preempts it computes until a job of hart 1 has taken
/// a block.
struct Crossing : Interrupted {
  Store store;
  unsigned through = 0;
};

template <class Masked>
void set_up_crossing(Run& run) {
  auto& crossing = run.make<Crossing>();
  const auto take = [](Crossing& crossing) -> Task<> {
    take_block<Masked>(crossing.store);
    co_return;
  };
  const auto pass = [](Crossing& crossing) -> Task<> {
    take_block(crossing.store);
    ++crossing.through;
    co_return;
  };
  const auto compute = [](Crossing& crossing) -> Task<> {
    (void)co_await async::park("an interrupt");
    compute_until([&crossing] { return crossing.through != 0; });
  };
  run.spawn_preemptible(0, take(crossing), {.name = "taker", .priority = 20});
  run.spawn_preemptible(1, pass(crossing), {.name = "other", .priority = 20});
  interrupt_once(run, crossing, compute(crossing));
}

/// Holds the lock of a list. Meanwhile the hart's timer may become due, whose action takes this
/// lock.
template <class Masked>
Task<> use_list(Queue& queue, Arrivals& arrivals) {
  {
    [[maybe_unused]] const Masked masked;
    const Sharing sharing;
    const async::LeafLock::Guard lock{queue.lock};
    queue.taken.add(1);
    linger();
    if (async::platform::world.harts[0].alarm <= async::platform::world.now)
      ++arrivals.raised[Arrivals::holding];
    queue.taken.add(-1u);
  }
  linger();  // the alarm that became due meanwhile interrupts here
  co_return;
}

/// A job of hart 0 waits until a time. A preemptible job of this hart uses the list in which it
/// waits.
template <class Masked>
void set_up_alarm(Run& run, Arrivals& arrivals) {
  struct State : Queue {
    unsigned ended = 0;
  };
  auto& state = run.make<State>();
  run.spawn(0, read_until(state, state.ended), {.name = "reader", .harts = only(0)});
  run.spawn_preemptible(0, use_list<Masked>(state, arrivals), {.name = "user", .priority = 20});
  run.at_end([&state] { check(state.ended == 1, "the wait does not end once"); });
}

Arrivals arrivals;

}  // namespace

TEST_CASE("an interrupt waits until its hart has given back its leaf lock") {
  arrivals = {};
  explore({.name = "an interrupt against a leaf lock", .bound = 3, .weak = {2, 1}, .shares = true},
          [](Run& run) { set_up_taking<async::platform::InterruptGuard>(run, arrivals); });
  for (const unsigned place : {Arrivals::before, Arrivals::holding, Arrivals::after}) {
    INFO(place);
    CHECK(arrivals.raised[place] > 0);
    CHECK((arrivals.preempted[place] > 0) == (place != Arrivals::holding));
  }
}

TEST_CASE("a hart that spins for a leaf lock does not wait for a preempted job") {
  explore(
      {.name = "a preempting job waits for another hart's leaf lock", .bound = 2, .shares = true},
      [](Run& run) { set_up_crossing<async::platform::InterruptGuard>(run); });
}

TEST_CASE("an alarm waits until its hart has given back the lock of the timer's list") {
  arrivals = {};
  explore({.name = "an alarm against a leaf lock",
           .bound = 2,
           .weak = {2, 1},
           .has_clock = true,
           .shares = true},
          [](Run& run) { set_up_alarm<async::platform::InterruptGuard>(run, arrivals); });
  CHECK(arrivals.raised[Arrivals::holding] > 0);
  explore({.name = "an alarm against a step that shares",
           .bound = 2,
           .has_clock = true,
           .shares = true},
          [](Run& run) {
            struct State : Queue {
              unsigned ended = 0;
            };
            auto& state = run.make<State>();
            run.spawn(0, read_until(state, state.ended), {.name = "reader", .harts = only(0)});
            run.spawn(0, write_to_entry(state), {.name = "writer", .harts = only(0)});
            run.spawn(1, just_share(1), {.name = "other", .harts = only(1)});
            run.at_end([&state] {
              check(state.ended == 1, "the wait does not end once");
              check(state.taken.get() + state.items.get() == 1, "an item is lost");
            });
          });
}

TEST_CASE("the exploration finds a leaf lock that a job holds while interrupts are unmasked") {
  const auto fails_with = [](const char* message, const std::string& failure) {
    INFO(failure);
    CHECK(failure.contains(message));
  };
  // The interrupted step lets more urgent jobs run. For that its hart enters the strand.
  constexpr const char* enters = "a hart that holds a leaf lock enters the strand";
  fails_with(
      enters,
      find_failure({.name = "unmasked, and preempted", .bound = 2, .weak = {2, 1}, .shares = true},
                   [](Run& run) { set_up_taking<Unmasked>(run, arrivals); }));
  fails_with(
      enters,
      find_failure({.name = "unmasked, and awaited", .bound = 2, .weak = {2, 1}, .shares = true},
                   [](Run& run) { set_up_crossing<Unmasked>(run); }));
  // A SharingTimer fires, and its action takes the lock of its list.
  fails_with("a hart takes a leaf lock while it holds an equally deep",
             find_failure({.name = "unmasked, and an alarm",
                           .bound = 2,
                           .weak = {2, 1},
                           .has_clock = true,
                           .shares = true},
                          [](Run& run) { set_up_alarm<Unmasked>(run, arrivals); }));
}
