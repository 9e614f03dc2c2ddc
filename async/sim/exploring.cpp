#include "exploring.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "admission.h"
#include "explore.h"
#include "once.h"

namespace async::sim {
namespace {

/// Prints the schedule that fails, and records it if the arguments ask for that. Returns the exit
/// status.
int fail(const Arguments& arguments, const Workload& workload, const std::string& failure) {
  const std::string& schedule = *arguments.schedule;
  fmt::print("seed {}, schedule {}: {}", arguments.machine.seed, schedule.empty() ? "''" : schedule,
             failure);
  if (!arguments.record.empty()) record(arguments, workload);
  return 1;
}

/// Runs the schedule in the arguments, which an exploration has found. Returns the exit status.
int run_schedule(const Arguments& arguments, const Workload& workload) {
  const Outcome outcome = run_once(arguments, workload, {});
  if (!outcome.unfollowed.empty()) {
    give_up("schedule " + *arguments.schedule + ": " + outcome.unfollowed +
            ": it belongs to another run");
  }
  const std::string wrong = outcome.what_is_wrong();
  if (!wrong.empty()) return fail(arguments, workload, wrong);
  fmt::print("this schedule does not fail\n");
  return 0;
}

Exploration explore_at_random(Arguments& arguments, const Exploration::Run& run) {
  const auto depth = static_cast<unsigned>(std::min<std::uint64_t>(arguments.depth, 1000));
  const Exploration made = Exploration::at_random(
      {.depth = depth,
       .most = arguments.most,
       .seed = arguments.first_seed,
       .begin_seed = [&](std::uint64_t seed) { arguments.machine.seed = seed; }},
      run);
  fmt::print("{} random schedules for bugs of depth {}, seeds {} to {}\n", made.schedules, depth,
             arguments.first_seed, arguments.machine.seed);
  return made;
}

/// Prints what a complete exploration has varied, and what it has not.
void print_scope(const Arguments& arguments) {
  const Duration jitter = arguments.machine.jitter;
  const std::string seed =
      fmt::format("the times, which come from seed {}", arguments.machine.seed);
  if (jitter.count() == 0) {
    fmt::print(
        "varied: every order of the steps and events of one instant; not varied: {}, and the "
        "order of events at different times (--jitter varies it)\n",
        seed);
  } else {
    fmt::print(
        "varied: every order of steps, and of events up to {} ms apart; not varied: {}, and "
        "the order of events farther apart\n",
        std::chrono::duration<double, std::milli>(jitter).count(), seed);
  }
}

Exploration explore_depth_first(const Arguments& arguments, const Exploration::Run& run) {
  const auto bound = static_cast<unsigned>(std::min<std::uint64_t>(*arguments.explore, 1000));
  const Exploration made = Exploration::depth_first({bound, arguments.most}, run);
  const bool stopped = made.failure.empty() && made.schedules == arguments.most;
  fmt::print(
      "{} schedules, at most {} alternatives passed over in each; {} cut short at a known "
      "state{}\n",
      made.schedules, made.bound, made.left, stopped ? "; more remain (--most)" : "");
  if (made.is_whole) print_scope(arguments);
  return made;
}

}  // namespace

int explore(Arguments& arguments, const Workload& workload) {
  arguments.machine.policy = arguments.policies.front();
  if (!is_directed(arguments))
    give_up("explore needs policy=directed or policy=directed-by-priority");
  if (const auto names = unheeded_reservations(workload, *arguments.machine.policy);
      !names.empty()) {
    fmt::print("the exploration ignores the reservations of {}\n", fmt::join(names, ", "));
  }
  arguments.machine.seed = arguments.first_seed;
  if (arguments.schedule) return run_schedule(arguments, workload);
  const auto run = [&] { return simulate(workload, options(arguments)).what_is_wrong(); };
  const Exploration made = arguments.depth != 0 ? explore_at_random(arguments, run)
                                                : explore_depth_first(arguments, run);
  if (made.failure.empty()) return 0;
  arguments.schedule = made.schedule;
  return fail(arguments, workload, made.failure);
}

}  // namespace async::sim
