// The simulator's command, which `./cotrap sim` runs. It runs one workload under each given policy
// with each seed, and prints one line of JSON for each run. `./cotrap sim` makes tables of the
// lines.
//
//   cotrap_sim FILE policy=NAME[,NAME…] seeds=A..B [harts=N] [slice=NS] [change=NS] [resume=NS]
//              [migrate=NS] [ipi=NS] [buckets=1] [timeline=SLICES] [duration=NS] [starving=NS]
//              [stalled=NS] [faults=SEED:RATE:KINDS]
//   cotrap_sim FILE explore=BOUND policy=directed|directed-by-priority [random=DEPTH] [jitter=NS]
//              [most=SCHEDULES] [record=FILE] …    explores schedules; status 1: one fails
//              [schedule=SCHEDULE]                 … or runs this one
//   cotrap_sim FILE plan=1 seeds=S [duration=NS] [policy=NAME]        prints the plan (plan.h)
//   cotrap_sim replay FILE [workload=FILE]                            status 1: a decision differs
//   cotrap_sim policies                                               lists them
//
// With record=, as=NAME is the workload's name in the recording. A replay gets its file by
// workload=.
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
#include "report.h"
#include "timeline.h"

namespace async::sim {
namespace {

void print_plan(const Arguments& arguments, const Workload& workload) {
  const auto& policies = arguments.policies;
  const bool reserves = !policies.empty() && uses_deadlines(*policies.front());
  const auto text = plan(workload, arguments.first_seed, reserves);
  if (!text) give_up(text.error());
  fmt::print("{}", *text);
}

/// Runs the workload under each policy with each seed.
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
      std::fflush(stdout);  // so that a reader knows when each run ends
      if (!arguments.record.empty()) record(arguments, workload);
    }
  }
}

/// main() without the handling of exceptions. Returns the exit status.
int run_command(int count, char** words) {
  if (count < 2) give_up("a workload is missing");
  Arguments arguments;
  arguments.workload = words[1];
  if (arguments.workload == "policies") {
    for (const auto& kind : async::policy::kinds()) fmt::print("{}\t{}\n", kind.name, kind.summary);
    return 0;
  }
  if (arguments.workload == "replay") {
    if (count < 3) give_up("a recording is missing");
    return replay(words[2], std::span(words, static_cast<std::size_t>(count)).subspan(3));
  }
  for (int i = 2; i < count; ++i) read_argument(arguments, words[i]);

  const Workload workload = load_workload(arguments);
  if (arguments.plan) return print_plan(arguments, workload), 0;
  if (arguments.policies.empty()) give_up("policy=NAME is missing");
  if (arguments.explore) return explore(arguments, workload);
  run_all(arguments, workload);
  return 0;
}

}  // namespace
}  // namespace async::sim

int main(int count, char** words) {
  std::set_new_handler([] {
    std::fputs("out of memory: use a shorter duration, or fewer tasks at once\n", stderr);
    std::_Exit(2);
  });
  try {
    return async::sim::run_command(count, words);
  } catch (const std::runtime_error& error) {
    async::sim::give_up(error.what());
  }
}
