#include "once.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "director.h"
#include "divergence.h"
#include "load.h"
#include "record.h"

namespace async::sim {
namespace {

/// Writes all of `text`, or removes the file and exits.
void write_whole(const std::string& path, std::string_view text) {
  std::signal(SIGXFSZ, SIG_IGN);  // exceeding the size limit is an error of the write
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return;
  const std::string why = errno != 0 ? std::strerror(errno) : "cannot be written";
  std::error_code unknown;
  if (std::filesystem::is_regular_file(path, unknown)) std::filesystem::remove(path, unknown);
  give_up(path + ": " + why);
}

}  // namespace

SimulateOptions options(const Arguments& arguments, Machine::Hook hook) {
  return {.machine = arguments.machine, .limits = arguments.limits, .hook = std::move(hook)};
}

bool is_directed(const Arguments& arguments) {
  return find_directed(arguments.machine.policy->name) != nullptr;
}

Outcome run_once(const Arguments& arguments, const Workload& workload, Machine::Hook hook) {
  auto director = Director::of(arguments.schedule.value_or(""));
  if (!director) give_up(director.error());
  if (is_directed(arguments)) director->begin();
  Outcome outcome = simulate(workload, options(arguments, std::move(hook)));
  Director::end();
  if (is_directed(arguments)) outcome.unfollowed = director->unfollowed();
  return outcome;
}

void record(const Arguments& arguments, const Workload& workload) {
  const Machine::Options& machine = arguments.machine;
  const Costs& costs = machine.costs;
  Recording recording;
  (void)run_once(arguments, workload, recorder(recording.decisions));
  recording.arguments = {
      "workload=" + (arguments.known_as.empty() ? arguments.workload : arguments.known_as),
      fmt::format("harts={}", machine.harts),
      fmt::format("seeds={}", machine.seed),
      fmt::format("slice={}", machine.slice.count()),
      fmt::format("duration={}", workload.duration_ns),
      fmt::format("jitter={}", machine.jitter.count()),
      fmt::format("starving={}", arguments.limits.starving_ns),
      fmt::format("stalled={}", arguments.limits.stalled_ns),
      fmt::format("change={}", costs.change),
      fmt::format("resume={}", costs.resume),
      fmt::format("migrate={}", costs.migrate),
      fmt::format("ipi={}", costs.ipi),
  };
  recording.arguments.push_back(fmt::format("policy={}", machine.policy->name));
  if (!arguments.faults.empty()) recording.arguments.push_back("faults=" + arguments.faults);
  if (arguments.schedule) recording.arguments.push_back("schedule=" + *arguments.schedule);
  write_whole(arguments.record, recording.to_file());
}

// ── replay ───────────────────────────────────────────────────────────────────────────────────────

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
