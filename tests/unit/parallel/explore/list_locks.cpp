// Explores every interleaving, up to the printed bound: harts outside the strand use the list of an
// object, and wake its waiters, while others begin to wait in the strand or outside. In this world
// wait lists have no locks, so the objects here have lists of their own behind a RealListLock.
// scenario.h describes scenarios.
#include "async/list_lock.h"

#include <array>
#include <coroutine>
#include <utility>

#include "async/owner.h"
#include "leaving.h"

using namespace parallel_test;

namespace {

using async::RealListLock;

/// Waiters by where their waits end: in the strand, or anywhere.
struct Object {
  RealListLock lock;
  bool is_in_use = false;
  Plain<unsigned> in_strand = 0;
  Plain<unsigned> anywhere = 0;
  Plain<unsigned> ended_in_strand = 0;  // strand data
  unsigned ended = 0;
};

/// Called with the lock.
template <class Use>
void use(Object& object, Use change) {
  check(!std::exchange(object.is_in_use, true), "two harts hold the lock of a list");
  linger();
  change();
  object.is_in_use = false;
}

/// A waiter comes, in the strand if the hart is in it.
void insert(Object& object) {
  const RealListLock::Guard guard(object.lock);
  use(object, [&] {
    object.lock.note_insertion(object.in_strand.get() + object.anywhere.get() == 0);
    Plain<unsigned>& waiters = async::Strand::is_held() ? object.in_strand : object.anywhere;
    waiters.set(waiters.get() + 1);
  });
}

/// Ends all waits.
void wake(Object& object) {
  const RealListLock::WakeGuard guard(object.lock);
  use(object, [&] {
    const unsigned strand_waiters = object.in_strand.get();
    object.ended += strand_waiters + object.anywhere.get();
    object.anywhere.set(0);
    if (strand_waiters == 0) return;
    check(async::Strand::is_held(), "a wait in the strand ends outside");
    object.ended_in_strand.set(object.ended_in_strand.get() + strand_waiters);
    object.in_strand.set(0);
  });
}

Task<> wait_outside(Object& object) {
  leave();
  insert(object);
  enter();
  co_return;
}

/// A job of the strand waits, and then ends its wait itself, as a timeout does.
Task<> wait_in_strand(Object& object, bool times_out) {
  insert(object);
  co_await async::yield();
  if (!times_out) co_return;
  const RealListLock::Guard guard(object.lock);
  use(object, [&] {
    if (object.in_strand.get() == 0) return;
    object.ended_in_strand.set(object.ended_in_strand.get() + 1);
    object.in_strand.set(object.in_strand.get() - 1);
    ++object.ended;
  });
}

Task<> wake_outside(Object& object, unsigned times) {
  leave();
  for (unsigned i = 0; i < times; ++i) wake(object);
  enter();
  co_return;
}

void check_ends(Object& object, unsigned waiters) {
  const unsigned left = object.in_strand.get() + object.anywhere.get();
  check(object.ended + left == waiters, "a wait is lost, or ends twice");
  check(!async::platform::world.harts[0].local.has_list_lock &&
            !async::platform::world.harts[1].local.has_list_lock,
        "a hart keeps the lock of a list");
}

}  // namespace

TEST_CASE("a wake outside the strand enters it for the waiters that need it") {
  explore({.name = "wakes of a list while jobs begin to wait", .bound = 3, .weak = {2, 1}},
          [](Run& run) {
            auto& object = run.make<Object>();
            run.spawn(0, wake_outside(object, 2), {.name = "waker", .harts = only(0)});
            run.spawn(1, wait_in_strand(object, false), {.name = "strand", .harts = only(1)});
            run.spawn(1, wait_outside(object), {.name = "outside", .harts = only(1)});
            run.at_end([&object] { check_ends(object, 2); });
          });
}

TEST_CASE("a timeout in the strand and a wake outside end a wait once") {
  explore({.name = "a timeout against a wake of a list", .bound = 3, .weak = {2, 1}}, [](Run& run) {
    auto& object = run.make<Object>();
    run.spawn(0, wake_outside(object, 2), {.name = "waker", .harts = only(0)});
    run.spawn(1, wait_in_strand(object, true), {.name = "strand", .harts = only(1)});
    run.at_end([&object] { check_ends(object, 1); });
  });
  explore({.name = "a timeout against wakes of two harts", .harts = 3, .bound = 2, .weak = {1, 1}},
          [](Run& run) {
            auto& object = run.make<Object>();
            run.spawn(0, wake_outside(object, 1), {.name = "waker", .harts = only(0)});
            run.spawn(1, wait_in_strand(object, true), {.name = "strand", .harts = only(1)});
            run.spawn(2, wake_outside(object, 1), {.name = "other", .harts = only(2)});
            run.at_end([&object] { check_ends(object, 1); });
          });
}

// ── the owner of a mutex (owner.h), used as in mutex.cpp ─────────────────────────────────────────

namespace {

struct Owned {
  RealListLock lock;
  async::AtomicOwner owner;
  std::array<async::Job*, 2> waiters{};  // null: nobody waits there. The first one comes first
  bool is_in_use = false;
  unsigned uses = 0;
  unsigned cancelled = 0;
};

struct Suspend {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    async::current_job().prepare(nullptr, "an owner");
    async::current_job().suspend_alone(self);
  }
  WaitResult await_resume() const noexcept { return async::current_job().result(); }
};

bool take_or_begin_to_wait(Owned& owned, async::Job& job) {
  const RealListLock::Guard guard(owned.lock);
  const bool others_wait = owned.waiters[0] != nullptr;
  if (owned.owner.take_or_await(job, others_wait)) return true;
  owned.lock.note_insertion(!others_wait);
  owned.waiters[others_wait ? 1 : 0] = &job;
  return false;
}

void wake_first(Owned& owned) {
  async::Job& first = *owned.waiters[0];
  owned.waiters = {owned.waiters[1], nullptr};
  owned.owner.set(nullptr);
  first.set_result(WaitResult::woken);
  RealListLock::wake_later(first);
}

void give_back(Owned& owned) {
  if (owned.owner.try_give_back()) return;
  do {
    const RealListLock::WakeGuard guard(owned.lock);
    if (owned.waiters[0] != nullptr) return wake_first(owned);
    owned.owner.end_waits();
  } while (!owned.owner.try_give_back());
}

/// Waits in the strand, and uses the data outside.
Task<> own(Owned& owned) {
  async::Job& job = async::current_job();
  if (!owned.owner.try_take(&job)) {
    while (!take_or_begin_to_wait(owned, job)) {
      if (co_await Suspend{} == WaitResult::cancelled) co_return;
    }
  }
  leave();
  check(!std::exchange(owned.is_in_use, true), "two jobs own the data");
  linger();
  ++owned.uses;
  owned.is_in_use = false;
  give_back(owned);
  enter();
}

/// Ends the wait of the first waiter, if there is one.
Task<> cancel_first(Owned& owned) {
  async::Job* first = nullptr;
  {
    const RealListLock::Guard guard(owned.lock);
    first = owned.waiters[0];
    owned.waiters = {owned.waiters[1], nullptr};
  }
  if (first == nullptr) co_return;
  ++owned.cancelled;
  first->complete(WaitResult::cancelled);
}

void check_owned(Owned& owned, unsigned jobs) {
  check(owned.uses + owned.cancelled == jobs,
        "a job has neither owned the data nor been cancelled");
  check(owned.waiters[0] == nullptr && owned.owner.job() == nullptr,
        "the data has an owner at the end");
}

}  // namespace

TEST_CASE("each job that waits for an owner becomes the owner or is cancelled") {
  explore({.name = "three owners", .bound = 3, .weak = {2, 1}}, [](Run& run) {
    auto& owned = run.make<Owned>();
    run.spawn(0, own(owned), {.name = "one", .harts = only(0)});
    run.spawn(1, own(owned), {.name = "two", .harts = only(1)});
    run.spawn(1, own(owned), {.name = "three", .harts = only(1)});
    run.at_end([&owned] { check_owned(owned, 3); });
  });
  explore({.name = "an owner, a waiter and a cancellation", .bound = 3, .weak = {2, 1}},
          [](Run& run) {
            auto& owned = run.make<Owned>();
            run.spawn(0, own(owned), {.name = "one", .harts = only(0)});
            run.spawn(1, own(owned), {.name = "two", .harts = only(1)});
            run.spawn(1, cancel_first(owned), {.name = "canceller", .harts = only(1)});
            run.at_end([&owned] { check_owned(owned, 2); });
          });
}
