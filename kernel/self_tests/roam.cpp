#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>

#include "sched/stack_pool.h"
#include "sched/step_watch.h"
#include "self_tests/self_tests.h"
#include "self_tests/spinner.h"
#include "self_tests/team.h"

namespace kernel::self_tests {
namespace {

using namespace std::chrono_literals;
using async::Instant;

constexpr unsigned most_harts = async::platform::max_harts;

/// When the self-test begins and ends. `cut_short` ends it before `end`, if the caller is killed.
struct Hours {
  bool are_over() const { return cut_short || async::now() >= end; }

  Instant begin, end;
  std::atomic<bool> cut_short = false;
};

/// A job that computes, yields and sleeps, on any hart. It checks its registers and that
/// current_job() is its own job.
struct Roamer {
  async::Task<> run(const Hours& hours) {
    while (intact && !hours.are_over()) {
      Spinner spinner{reinterpret_cast<std::uintptr_t>(this)};
      co_await spinner.run(std::min(hours.end, async::now() + 2ms));
      intact = spinner.intact;
      rounds += spinner.check.rounds;
      if (++naps % 4 == 0) stall();
      co_await async::yield();
      look_who_runs();
      co_await nap();
    }
  }

  async::Task<> nap() {
    (void)co_await async::sleep_for(20us, "a short sleep");
    look_who_runs();
  }

  void look_who_runs() {
    if (job == nullptr) job = &async::current_job();
    for (int i = 0; i < 1'000; ++i) intact = intact && &async::current_job() == job;
  }

  /// Stalls, so that step_watch reads its await chain during the step. The chain's innermost frame
  /// may be freed and in use on another hart.
  static void stall() {
    for (const Instant over = async::now() + 2 * stall_limit; async::now() < over;) {
    }
  }

  std::uint64_t rounds = 0;
  unsigned naps = 0;
  const async::Job* job = nullptr;
  bool intact = true;
};

/// Stays on its hart and is CPU-bound for a part of the time.
async::Task<> disturb(const Hours& hours, async::Duration later) {
  (void)co_await async::sleep_until(hours.begin + later, "its start time");
  while (!hours.are_over()) {
    for (const Instant over = async::now() + 300us; async::now() < over;) {
    }
    (void)co_await async::sleep_for(700us, "a pause");
  }
}

struct StackCounts {
  std::uint64_t free = 0, came = 0;
};

std::uint64_t all_stacks() {
  return StackPool::stacks_a_hart * static_cast<unsigned>(std::popcount(async::Executor::all()));
}

StackCounts count_stacks() {
  StackCounts sum;
  for (unsigned hart = 0; hart < most_harts; ++hart) {
    const StackPool::Usage usage = StackPool::usage_of(hart);
    sum.free += usage.free;
    sum.came += usage.came;
  }
  return sum;
}

}  // namespace

async::Task<Result<Words>> roam(std::uint64_t milliseconds) {
  constexpr std::uint64_t longest = 100'000;
  if (milliseconds == 0 || milliseconds > longest) co_return fail(Errno::einval);
  const StackCounts before = count_stacks();
  const std::uint64_t preempted_before = count_of(trap::Action::switch_stack);
  std::array<Roamer, most_harts> roamers;
  const Instant begin = async::now();
  Hours hours{.begin = begin, .end = begin + milliseconds * 1ms};
  Team team;
  for (unsigned hart = 0; hart < most_harts; ++hart) {
    const async::HartMask here = async::hart_mask(hart);
    if ((async::Executor::all() & here) == 0) continue;
    team.start(disturb(hours, hart * 250us), "disturber", above, here);
    // One roamer fewer than harts, so that there is always a hart to migrate to.
    if (hart == 0) continue;
    team.start(roamers[hart].run(hours), "roamer", computing, async::all_harts);
  }
  co_await team.wait([&] { hours.cut_short = true; });
  // On a busy host another hart may take long to resume a preempted step.
  constexpr int longest_wait = 5'000;  // naps
  for (int i = 0; i < longest_wait && count_stacks().free < all_stacks(); ++i)
    (void)co_await async::sleep_for(1ms, "the return of all stacks");
  const StackCounts after = count_stacks();
  bool intact = true;
  std::uint64_t rounds = 0;
  for (const Roamer& roamer : roamers) {
    intact = intact && roamer.intact;
    rounds += roamer.rounds;
  }
  co_return Words{intact, rounds, count_of(trap::Action::switch_stack) - preempted_before,
                  after.came - before.came, all_stacks() - after.free};
}

}  // namespace kernel::self_tests
