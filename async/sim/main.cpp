// The simulator's own command, which `./cotrap sim` runs: one workload, every policy and seed that
// is asked for, and a line of JSON for each run. What is made of the lines is others' work.
//
//   cotrap_sim FILE policy=NAME[,NAME…] seeds=A..B [harts=N] [slice=NS] [change=NS] [resume=NS]
//              [migrate=NS] [ipi=NS] [buckets=1] [timeline=SLICES] [duration=NS] [starving=NS]
//              [stalled=NS]
//   cotrap_sim FILE explore=BOUND policy=directed|directed-by-priority [random=DEPTH] [jitter=NS]
//              [most=SCHEDULES] [record=FILE] …    schedules, all or at random; status 1: one fails
//              [schedule=SCHEDULE]                 … or that one
//   cotrap_sim FILE plan=1 seeds=S [duration=NS] [policy=NAME]        what plan.h says, for it
//   cotrap_sim replay FILE [workload=FILE]                            status 1: it is another
//   cotrap_sim policies
//
// With record=, as=NAME is what the recording calls the workload: who replays it says where it is.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <span>
#include <stdexcept>

#include "admission.h"
#include "arguments.h"
#include "exploring.h"
#include "load.h"
#include "once.h"
#include "plan.h"
#include "replay.h"
#include "report.h"
#include "timeline.h"

namespace {

using namespace async::sim;

void print_plan(const Arguments& arguments, const Workload& workload) {
  const auto& policies = arguments.policies;
  const bool reserves = !policies.empty() && looks_after_deadlines(*policies.front());
  const auto text = plan(workload, arguments.first_seed, reserves);
  if (!text) give_up(text.error());
  fmt::print("{}", *text);
}

/// Every policy, each with every seed.
void run_all(Arguments& arguments, const Workload& workload) {
  for (const auto* const policy : arguments.policies) {
    for (std::uint64_t seed = arguments.first_seed; seed <= arguments.last_seed; ++seed) {
      arguments.machine.policy = policy;
      arguments.machine.seed = seed;
      const bool is_shown = seed == arguments.first_seed && arguments.timeline != 0;
      Timeline timeline(arguments.timeline);
      Machine::Hook hook;
      if (is_shown) {
        hook = [&](async::TraceEvent event, const async::Job& job) {
          timeline.observe(event, job);
        };
      }
      const Outcome outcome = run_once(arguments, workload, std::move(hook));
      fmt::print("{}\n", to_json(outcome, policy->name, seed, arguments.buckets,
                                 is_shown ? timeline.to_json() : ""));
      std::fflush(stdout);  // who sees this one end knows where it ends
      if (!arguments.record.empty()) record(arguments, workload);
    }
  }
}

/// As main(), but for what is thrown.
int run(int count, char** words) {
  if (count < 2) give_up("which workload?");
  Arguments arguments;
  arguments.workload = words[1];
  if (arguments.workload == "policies") {
    for (const auto& kind : async::policy::kinds) fmt::print("{}\t{}\n", kind.name, kind.summary);
    return 0;
  }
  if (arguments.workload == "replay") {
    if (count < 3) give_up("which recording?");
    return replay(words[2], std::span(words, static_cast<std::size_t>(count)).subspan(3));
  }
  for (int i = 2; i < count; ++i) read_argument(arguments, words[i]);

  const Workload workload = load_workload(arguments);
  if (arguments.plan) return print_plan(arguments, workload), 0;
  if (arguments.policies.empty()) give_up("which policy?");
  if (arguments.explore) return explore(arguments, workload);
  run_all(arguments, workload);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  std::set_new_handler([] {
    std::fputs("there is no memory left: a shorter duration, or fewer tasks at once?\n", stderr);
    std::_Exit(2);
  });
  try {
    return run(count, words);
  } catch (const std::runtime_error& error) {
    give_up(error.what());
  }
}
