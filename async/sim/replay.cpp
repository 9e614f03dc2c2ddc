#include "replay.h"

#include <fmt/format.h>

#include <stdexcept>
#include <vector>

#include "arguments.h"
#include "divergence.h"
#include "load.h"
#include "once.h"
#include "record.h"

namespace async::sim {
namespace {

void print(const Divergence& divergence, const Worlds& worlds, const Arguments& arguments,
           const Workload& workload) {
  const auto again = [&](Machine::Hook hook) {
    (void)run_once(arguments, workload, std::move(hook));
  };
  fmt::print("{}", explain(divergence, worlds, arguments.machine.policy->name, again));
}

/// Compares with a recording of another world, by the order of tasks only. Returns the exit status.
int compare(const Arguments& arguments, const Workload& workload,
            const std::vector<Decision>& recorded, const std::vector<Decision>& now) {
  const auto theirs = changes_of_task(recorded);
  const auto ours = changes_of_task(now);
  if (const auto divergence = Divergence::of_harts(theirs, ours)) {
    fmt::print("change {} of hart {} differs\n", divergence->place, divergence->now->hart);
    print(*divergence, {"in the " + arguments.by, "in the simulator"}, arguments, workload);
    return 1;
  }
  fmt::print("{} changes of task in the {}, {} in the simulator: the same order\n", theirs.size(),
             arguments.by, ours.size());
  return 0;
}

/// Called for each decision of a replay, for breakpoints: `break decided if place == 223`.
[[gnu::noinline]] void decided(std::size_t place, const async::Job& job) {
  asm volatile("" : : "r"(place), "r"(&job));
}

Machine::Hook recorder_for_debuggers(std::vector<Decision>& decisions) {
  return
      [&decisions, record = recorder(decisions)](async::TraceEvent event, const async::Job& job) {
        record(event, job);
        if (event == async::TraceEvent::run) decided(decisions.size() - 1, job);
      };
}

}  // namespace

int replay(const std::string& path, std::span<char*> words) {
  const auto text = read_file(path);
  if (!text) give_up(path + ": " + text.error());
  Recording recording;
  try {
    recording = Recording::of_file(*text);
  } catch (const std::runtime_error& error) {
    give_up(fmt::format("{}:{}", path, error.what()));
  }
  Arguments arguments;
  for (std::size_t i = 0; i < recording.arguments.size(); ++i) {
    try {
      read_argument(arguments, recording.arguments[i]);
    } catch (const std::runtime_error& error) {
      give_up(fmt::format("{}:{}: {}", path, i + 2, error.what()));  // argument 0 is on line 2
    }
  }
  for (const char* const word : words) read_argument(arguments, word);
  if (arguments.policies.size() != 1) give_up(path + ": a recording must name one policy");
  if (arguments.first_seed != arguments.last_seed)
    give_up(path + ": a recording must have one seed");
  const Workload workload = load_workload(arguments);
  arguments.machine.policy = arguments.policies.front();
  arguments.machine.seed = arguments.first_seed;
  std::vector<Decision> now;
  if (!arguments.by.empty()) {
    (void)run_once(arguments, workload, recorder_of_runs(now));
    return compare(arguments, workload, recording.decisions, now);
  }
  const Outcome outcome = run_once(arguments, workload, recorder_for_debuggers(now));
  const auto divergence = Divergence::of_all(recording.decisions, now);
  if (divergence) {
    fmt::print("decision {} differs\n", divergence->place);
    print(*divergence, {"when it was recorded", "now"}, arguments, workload);
  }
  fmt::print("{}", outcome.what_is_wrong());
  if (divergence) return 1;
  fmt::print("{} decisions, all as recorded; schedule hash {:016x}\n", now.size(), outcome.hash);
  return 0;
}

}  // namespace async::sim
