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
#include <fmt/ranges.h>

#include <cstdio>
#include <cstdlib>
#include <expected>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <span>
#include <stdexcept>
#include <string>

#include "admission.h"
#include "arguments.h"
#include "divergence.h"
#include "explore.h"
#include "plan.h"
#include "record.h"
#include "report.h"
#include "run.h"
#include "timeline.h"

namespace {

using namespace async::sim;

std::string folder;  // of the workload, where its trace files are

std::expected<std::string, std::string> read_file(const std::string& name) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(name, error)) {
    return std::unexpected(std::filesystem::exists(name, error) ? "it is not a regular file"
                                                                : "there is no such file");
  }
  std::ifstream file(name, std::ios::binary);
  if (!file) return std::unexpected("it cannot be read");
  return std::string{std::istreambuf_iterator<char>(file), {}};
}
std::expected<std::string, std::string> read_beside(const std::string& name) {
  return read_file((std::filesystem::path(folder) / name).string());
}

/// Of the file that the arguments name.
[[noreturn]] void give_up_at(const Arguments& arguments, Place at, std::string_view why) {
  give_up(fmt::format("{}:{}:{}: {}", arguments.workload, at.line, at.column, why));
}

void use_workload(Arguments& arguments, Workload& workload) {
  if (arguments.duration_ns != 0) workload.duration_ns = arguments.duration_ns;
  if (workload.warm_up_ns >= workload.duration_ns) {
    give_up_at(arguments, workload.warm_up_place,
               fmt::format("nothing is counted: the warm-up, {} ns, is no shorter than the "
                           "duration, {} ns (--duration)",
                           workload.warm_up_ns, workload.duration_ns));
  }
  const unsigned harts =
      arguments.harts != 0 ? static_cast<unsigned>(arguments.harts) : workload.harts;
  arguments.machine.harts = harts;
  for (const auto& each : workload.classes) {
    if ((each.harts & ((async::HartMask{1} << harts) - 1)) != 0) continue;
    const std::string there = harts == 1 ? "hart 0 alone" : fmt::format("0 to {}", harts - 1);
    give_up_at(arguments, each.harts_place,
               fmt::format("class '{}' runs on no hart that there is, {}: `harts N` in the file, "
                           "or --harts, says how many",
                           each.name, there));
  }
}

Workload read(const std::string& path) {
  folder = std::filesystem::path(path).parent_path().string();
  const auto text = read_file(path);
  if (!text) give_up(path + ": " + text.error());
  auto workload = read_workload(*text, read_beside);
  if (workload) return std::move(*workload);
  const WorkloadError& error = workload.error();
  give_up(fmt::format("{}:{}:{}: {}", path, error.line, error.column, error.what));
}

SimulateOptions options(const Arguments& arguments, Machine::Hook hook = {}) {
  return {.machine = arguments.machine, .limits = arguments.limits, .hook = std::move(hook)};
}

bool is_directed(const Arguments& arguments) {
  return find_directed(arguments.machine.policy->name) != nullptr;
}

/// One run under one policy; with the schedule that the arguments have, if it takes one.
Outcome run_once(const Arguments& arguments, const Workload& workload, Machine::Hook hook) {
  auto director = Director::of(arguments.schedule.value_or(""));
  if (!director) give_up(director.error());
  if (is_directed(arguments)) director->begin();
  Outcome outcome = simulate(workload, options(arguments, std::move(hook)));
  Director::end();
  return outcome;
}

/// So that replay() does the same again.
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
  if (arguments.schedule) recording.arguments.push_back("schedule=" + *arguments.schedule);
  std::ofstream file(arguments.record, std::ios::binary);
  file << recording.to_file();
  if (!file.flush()) give_up(arguments.record + ": it cannot be written");
}

void tell(const Divergence& divergence, const Worlds& worlds, const Arguments& arguments,
          const Workload& workload) {
  const auto again = [&](Machine::Hook hook) {
    (void)run_once(arguments, workload, std::move(hook));
  };
  fmt::print("{}", explain(divergence, worlds, arguments.machine.policy->name, again));
}

/// With what another world has done: it is the order that counts.
int compare(const Arguments& arguments, const Workload& workload,
            const std::vector<Decision>& recorded, const std::vector<Decision>& now) {
  const auto theirs = changes_of_task(recorded);
  const auto ours = changes_of_task(now);
  if (const auto divergence = Divergence::of_harts(theirs, ours)) {
    fmt::print("change {} of hart {} differs\n", divergence->place, divergence->now->hart);
    tell(*divergence, {"in the " + arguments.by, "in the simulator"}, arguments, workload);
    return 1;
  }
  fmt::print("{} changes of task in the {}, {} in the simulator: the same order\n", theirs.size(),
             arguments.by, ours.size());
  return 0;
}

/// Of a replay every decision comes along here, for debuggers: `break decided if place == 223`.
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
      give_up(fmt::format("{}:{}: {}", path, i + 2, error.what()));  // after the file's first line
    }
  }
  for (const char* const word : words) read_argument(arguments, word);
  if (arguments.policies.size() != 1) give_up(path + ": it says no policy");
  Workload workload = read(arguments.workload);
  use_workload(arguments, workload);
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
    tell(*divergence, {"when it was recorded", "now"}, arguments, workload);
  }
  fmt::print("{}", outcome.what_is_wrong());
  if (divergence) return 1;
  fmt::print("{} decisions, all as recorded; schedule hash {:016x}\n", now.size(), outcome.hash);
  return 0;
}

/// Tells of the schedule that fails, and records it if that was asked for.
int fail(const Arguments& arguments, const Workload& workload, const std::string& failure) {
  const std::string& schedule = *arguments.schedule;
  fmt::print("seed {}, schedule {}: {}", arguments.machine.seed, schedule.empty() ? "''" : schedule,
             failure);
  if (!arguments.record.empty()) record(arguments, workload);
  return 1;
}

/// What an exploration has found, once more.
int run_schedule(const Arguments& arguments, const Workload& workload) {
  const std::string wrong = run_once(arguments, workload, {}).what_is_wrong();
  if (!wrong.empty()) return fail(arguments, workload, wrong);
  fmt::print("nothing is wrong under this schedule\n");
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
  fmt::print("{} schedules at random, for bugs of depth {}, of seeds {} to {}\n", made.schedules,
             depth, arguments.first_seed, arguments.machine.seed);
  return made;
}

Exploration explore_depth_first(const Arguments& arguments, const Exploration::Run& run) {
  const auto bound = static_cast<unsigned>(std::min<std::uint64_t>(*arguments.explore, 1000));
  const Exploration made = Exploration::depth_first({bound, arguments.most}, run);
  const bool stopped = made.failure.empty() && made.schedules == arguments.most;
  fmt::print("{} schedules, at most {} passed over; {} left where another one had been{}\n",
             made.schedules, made.bound, made.left,
             made.is_whole ? ": there are no others"
             : stopped     ? ": there are more"
                           : "");
  return made;
}

int explore(Arguments& arguments, const Workload& workload) {
  arguments.machine.policy = arguments.policies.front();
  if (!is_directed(arguments)) give_up("explore: policy=directed or policy=directed-by-priority");
  if (const auto names = unheeded_reservations(workload, *arguments.machine.policy);
      !names.empty()) {
    fmt::print("schedules are explored without the reservations of {}\n", fmt::join(names, ", "));
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

  Workload workload = read(arguments.workload);
  use_workload(arguments, workload);
  if (arguments.plan) {
    const auto& policies = arguments.policies;
    const bool reserves = !policies.empty() && looks_after_deadlines(*policies.front());
    const auto text = plan(workload, arguments.first_seed, reserves);
    if (!text) give_up(text.error());
    fmt::print("{}", *text);
    return 0;
  }
  if (arguments.policies.empty()) give_up("which policy?");
  if (arguments.explore) return explore(arguments, workload);
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
