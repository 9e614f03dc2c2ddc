// Planted bugs that show under few schedules only: exploration finds them within the number of
// schedules given here and in docs/workloads.md. The corrected versions pass.
#include "async/async.h"
#include "run.h"
#include "run_once.h"
#include "workloads.h"

using namespace sim_test;
using async::sim::Exploration;

namespace {

// ── An interrupt between the check and the wait: its wake is lost ──

struct Mailbox {
  bool full = false;
  async::WaitList readers;
  bool careful = false;
};

Task<> reader(Mailbox& box) {
  while (!box.full) {
    if (!box.careful) co_await async::yield();  // the bug: the interrupt may arrive here
    if (co_await box.readers.wait("mail") != async::WaitResult::woken) co_return;
  }
}
template <bool careful>
void mail(Bench& bench, Mailbox& box) {
  box.careful = careful;
  bench.start(0, [&] {
    bench.spawn(reader(box), {.name = "reader", .priority = 16});
    bench.machine.at(0, 0, [&box] {
      const async::Strand::Guard strand;
      box.full = true;
      box.readers.wake_one();
    });
  });
}

// ── Two locks taken in two orders ──

struct Locks {
  async::Mutex a, b;
};

Task<> both(async::Mutex& first, async::Mutex& second, unsigned after) {
  co_await spin(after);
  const auto one = co_await first.lock_or_cancel("first");
  co_await async::yield();
  const auto other = co_await second.lock_or_cancel("second");
}
template <bool in_order>
void abba(Bench& bench, Locks& locks) {
  bench.start(0, [&] {
    auto& first = in_order ? locks.a : locks.b;
    auto& second = in_order ? locks.b : locks.a;
    bench.spawn(both(locks.a, locks.b, 0), {.name = "ab", .priority = 16});
    bench.spawn(both(first, second, 4), {.name = "ba", .priority = 16});
  });
}

// ── A cancellation just after a permit was granted: the permit is lost ──

struct Permits {
  bool gives_back = false;
  async::Semaphore permits{0};
  async::WaitList work;
  async::Job* first = nullptr;
};

Task<> uses(Permits& state) {
  if (co_await state.permits.acquire("permit") != async::WaitResult::woken) co_return;
  const auto result = co_await state.work.wait_until(async::now() + 1ms, "work");
  if (result == async::WaitResult::cancelled && !state.gives_back) co_return;  // the bug
  state.permits.release();
}
template <bool gives_back>
void cancelling(Bench& bench, Permits& state) {
  state.gives_back = gives_back;
  bench.start(0, [&] {
    state.first = &bench.spawn(uses(state), {.name = "first", .priority = 16});
    bench.spawn(uses(state), {.name = "second", .priority = 16});
  });
  const auto at_1_ms = [&](void (*what)(Permits&)) {
    bench.machine.at(ns(1ms), 0, [&state, what] {
      const async::Strand::Guard strand;
      what(state);
    });
  };
  at_1_ms([](Permits& state) { state.first->cancel(); });
  at_1_ms([](Permits& state) { state.permits.release(); });
}

// ── Two jobs both believe to be the first, and put the same thing into a queue ──

struct Once {
  bool queued = false;
  unsigned times = 0;
  bool atomic = false;
};

Task<> puts(Once& once, unsigned after) {
  co_await spin(after);
  if (once.queued) co_return;
  if (!once.atomic) co_await async::yield();  // the bug
  once.queued = true;
  ++once.times;
}
template <bool atomic>
void twice(Bench& bench, Once& once) {
  once.atomic = atomic;
  bench.start(0, [&] {
    bench.spawn(puts(once, 0), {.name = "one", .priority = 16});
    bench.spawn(puts(once, 3), {.name = "other", .priority = 16});
  });
}
std::string queued_once(Once& once) {
  return once.times == 1 ? "" : "it is in the queue twice";
}

/// The number of schedules until a bug is found: depth first, and at random.
struct Found {
  std::uint64_t depth_first;
  std::uint64_t at_random;
};

void finds(const char* name, const Exploration::Run& wrong, const Exploration::Run& right,
           const char* symptom, Found expected) {
  INFO(name);
  const auto found = Exploration::depth_first({}, wrong);
  CHECK(found.failure.find(symptom) != std::string::npos);
  CHECK(found.bound > 0);  // not in the default schedule
  CHECK(found.schedules == expected.depth_first);
  CHECK(async::sim::run_under(found.schedule, wrong) == found.failure);
  const auto drawn = Exploration::at_random({.depth = 2}, wrong);
  CHECK(drawn.failure.find(symptom) != std::string::npos);
  CHECK(drawn.schedules == expected.at_random);
  CHECK(async::sim::run_under(drawn.schedule, wrong) == drawn.failure);
  CHECK(Exploration::depth_first({}, right).failure == "");
  CHECK(Exploration::at_random({.depth = 2, .most = 500}, right).failure == "");
}

template <class State>
Exploration::Run run_of(void (*set_up)(Bench&, State&),
                        std::string (*check)(State&) = nothing<State>) {
  return [=] { return run_once(set_up, check); };
}

/// The urgent task arrives when another one has just released the lock, or is about to.
Exploration::Run inversion(bool inherits) {
  auto tasks = stored_workload("inversion");
  tasks.locks[0].inherits = inherits;
  return [tasks = std::move(tasks)] {
    return simulate(tasks, {.machine = {.policy = &async::sim::directed_policy(true)}})
        .what_is_wrong();
  };
}

}  // namespace

TEST_CASE("a lost wake is found and reported with the job that waits") {
  finds("lost wake", run_of(mail<false>), run_of(mail<true>), "lost wake: waits", {3, 4});
}

TEST_CASE("two locks in two orders are found and reported with their holders") {
  finds("ABBA", run_of(abba<false>), run_of(abba<true>), "held by 'ba'", {31, 4});
}

TEST_CASE("a missed cancellation is found") {
  finds("missed cancellation", run_of(cancelling<false>), run_of(cancelling<true>), "'second'",
        {4, 3});
}

TEST_CASE("a job that is queued twice is found") {
  finds("queued twice", run_of(twice<false>, queued_once), run_of(twice<true>, queued_once),
        "twice", {17, 4});
}

TEST_CASE("a priority inversion is found without inheritance, and absent with it") {
  finds("inversion", inversion(false), inversion(true), "bus misses 1 deadline", {5, 2});
}
