// The simulator's own command, which `./cotrap sim` runs: one workload, every policy and seed that
// is asked for, and a line of JSON for each run. What is made of the lines is others' work.
//
//   cotrap_sim FILE policy=NAME[,NAME…] seeds=A..B [harts=N] [slice=NS] [change=NS] [resume=NS]
//              [migrate=NS] [ipi=NS] [buckets=1] [duration=NS]
//   cotrap_sim FILE explore=BOUND [most=SCHEDULES] [record=FILE] …    every schedule up to the
//   bound;
//                                                                     status 1: one fails
//   cotrap_sim replay FILE                                            status 1: it is another
//   cotrap_sim policies
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "explore.h"
#include "record.h"
#include "report.h"
#include "run.h"

namespace {

using namespace async::sim;

std::string folder;  // of the workload, where its trace files are

std::string read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
std::string read_beside(const std::string& name) {
  return read_file((std::filesystem::path(folder) / name).string());
}

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "{}\n", why);
  std::exit(2);
}

std::uint64_t number(std::string_view text, std::string_view of) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    give_up(fmt::format("{}: '{}' is not a number", of, text));
  }
  return value;
}

struct Arguments {
  std::string workload;
  std::vector<const async::policy::Kind*> policies;
  std::uint64_t first_seed = 1;
  std::uint64_t last_seed = 1;
  std::uint64_t harts = 0;
  std::uint64_t duration_ns = 0;
  bool buckets = false;
  std::string record;                    // to this file
  std::optional<std::uint64_t> explore;  // up to this bound
  std::uint64_t most = 1'000'000;        // schedules
  std::string schedule;                  // of the policy `directed`
  Machine::Options machine;
};

void read_policies(Arguments& arguments, std::string_view names) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    const async::policy::Kind* const kind = async::policy::find(name);
    if (kind == nullptr) give_up(fmt::format("there is no policy '{}'", name));
    arguments.policies.push_back(kind);
  }
}

void read_argument(Arguments& arguments, std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == word.npos) give_up(fmt::format("'{}' is not KEY=VALUE", word));
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  Costs& costs = arguments.machine.costs;
  if (key == "workload") {
    arguments.workload = value;
  } else if (key == "record") {
    arguments.record = value;
  } else if (key == "explore") {
    arguments.explore = number(value, key);
    arguments.policies = {&directed()};
  } else if (key == "most") {
    arguments.most = number(value, key);
  } else if (key == "schedule") {
    arguments.schedule = value;
    arguments.policies = {&directed()};
  } else if (key == "policy") {
    read_policies(arguments, value);
  } else if (key == "seeds") {
    const std::size_t dots = value.find("..");
    arguments.first_seed = number(value.substr(0, dots), key);
    arguments.last_seed =
        dots == value.npos ? arguments.first_seed : number(value.substr(dots + 2), key);
  } else if (key == "harts") {
    arguments.harts = number(value, key);
    if (arguments.harts < 1 || arguments.harts > async::platform::max_harts) {
      give_up(fmt::format("harts: 1 to {}", async::platform::max_harts));
    }
  } else if (key == "slice") {
    arguments.machine.slice = async::Duration(number(value, key));
    if (arguments.machine.slice.count() <= 0) give_up("slice: longer than 0");
  } else if (key == "duration") {
    arguments.duration_ns = number(value, key);
  } else if (key == "buckets") {
    arguments.buckets = number(value, key) != 0;
  } else if (key == "change") {
    costs.change = number(value, key);
  } else if (key == "resume") {
    costs.resume = number(value, key);
  } else if (key == "migrate") {
    costs.migrate = number(value, key);
  } else if (key == "ipi") {
    costs.ipi = number(value, key);
  } else {
    give_up(fmt::format("'{}' is nothing to be said here", key));
  }
}

void use_workload(Arguments& arguments, Workload& workload) {
  if (arguments.duration_ns != 0) workload.duration_ns = arguments.duration_ns;
  arguments.machine.harts =
      arguments.harts != 0 ? static_cast<unsigned>(arguments.harts) : workload.harts;
}

Workload read(const std::string& path) {
  folder = std::filesystem::path(path).parent_path().string();
  if (!std::filesystem::is_regular_file(path)) give_up(path + ": there is no such file");
  auto workload = read_workload(read_file(path), read_beside);
  if (workload) return std::move(*workload);
  const WorkloadError& error = workload.error();
  give_up(fmt::format("{}:{}:{}: {}", path, error.line, error.column, error.what));
}

/// One run under one policy; with the schedule that the arguments have, if they have one.
Outcome run_once(const Arguments& arguments, const Workload& workload, Machine::Hook hook) {
  auto director = Director::of(arguments.schedule);
  if (!director) give_up(director.error());
  Directed::set_director(&*director);
  Outcome outcome = simulate(workload, {.machine = arguments.machine, .hook = std::move(hook)});
  Directed::set_director(nullptr);
  return outcome;
}

/// So that replay() does the same again.
void record(const Arguments& arguments, const Workload& workload) {
  const Machine::Options& machine = arguments.machine;
  const Costs& costs = machine.costs;
  Recording recording;
  (void)run_once(arguments, workload, recorder(recording.decisions));
  recording.arguments = {
      "workload=" + std::filesystem::absolute(arguments.workload).lexically_normal().string(),
      fmt::format("harts={}", machine.harts),
      fmt::format("seeds={}", machine.seed),
      fmt::format("slice={}", machine.slice.count()),
      fmt::format("duration={}", workload.duration_ns),
      fmt::format("change={}", costs.change),
      fmt::format("resume={}", costs.resume),
      fmt::format("migrate={}", costs.migrate),
      fmt::format("ipi={}", costs.ipi),
  };
  recording.arguments.push_back(machine.policy == &directed()
                                    ? "schedule=" + arguments.schedule
                                    : fmt::format("policy={}", machine.policy->name));
  std::ofstream file(arguments.record, std::ios::binary);
  file << recording.to_file();
  if (!file.flush()) give_up(arguments.record + ": it cannot be written");
}

int replay(const std::string& path) {
  Recording recording;
  try {
    recording = Recording::of_file(read_file(path));
  } catch (const std::runtime_error& error) {
    give_up(fmt::format("{}:{}", path, error.what()));
  }
  Arguments arguments;
  for (const std::string& word : recording.arguments) read_argument(arguments, word);
  if (arguments.policies.size() != 1) give_up(path + ": it says no policy");
  Workload workload = read(arguments.workload);
  use_workload(arguments, workload);
  arguments.machine.policy = arguments.policies.front();
  arguments.machine.seed = arguments.first_seed;
  std::vector<Decision> now;
  const Outcome outcome = run_once(arguments, workload, recorder(now));
  const std::string differs = difference(recording.decisions, now);
  fmt::print("{}{}", differs, outcome.stuck);
  if (differs.empty()) {
    fmt::print("{} decisions, all as recorded; schedule hash {:016x}\n", now.size(), outcome.hash);
  }
  return differs.empty() ? 0 : 1;
}

std::string what_is_wrong(const Outcome& outcome) {
  if (!outcome.stuck.empty()) return "tasks wait for ever:\n" + outcome.stuck;
  for (const ClassOutcome& made : outcome.classes) {
    if (made.missed != 0) return fmt::format("{} misses {} deadlines\n", made.name, made.missed);
  }
  return "";
}

int explore(Arguments& arguments, const Workload& workload) {
  arguments.machine.policy = &directed();
  arguments.machine.seed = arguments.first_seed;
  const auto bound = static_cast<unsigned>(std::min<std::uint64_t>(*arguments.explore, 1000));
  const Exploration made = Exploration::of(bound, arguments.most, [&] {
    return what_is_wrong(simulate(workload, {.machine = arguments.machine}));
  });
  const bool stopped = made.failure.empty() && made.schedules == arguments.most;
  fmt::print("{} schedules, at most {} passed over{}\n", made.schedules, made.bound,
             made.is_whole ? ": there are no others"
             : stopped     ? ": there are more"
                           : "");
  if (made.failure.empty()) return 0;
  fmt::print("schedule {}: {}", made.schedule.empty() ? "''" : made.schedule, made.failure);
  arguments.schedule = made.schedule;
  if (!arguments.record.empty()) record(arguments, workload);
  return 1;
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) give_up("which workload?");
  Arguments arguments;
  arguments.workload = words[1];
  if (arguments.workload == "policies") {
    for (const auto& kind : async::policy::kinds) fmt::print("{}\t{}\n", kind.name, kind.summary);
    return 0;
  }
  if (arguments.workload == "replay") return replay(count == 3 ? words[2] : "");
  for (int i = 2; i < count; ++i) read_argument(arguments, words[i]);
  if (arguments.policies.empty()) give_up("which policy?");

  Workload workload = read(arguments.workload);
  use_workload(arguments, workload);
  if (arguments.explore) return explore(arguments, workload);
  for (const auto* const policy : arguments.policies) {
    for (std::uint64_t seed = arguments.first_seed; seed <= arguments.last_seed; ++seed) {
      arguments.machine.policy = policy;
      arguments.machine.seed = seed;
      const Outcome outcome = run_once(arguments, workload, {});
      fmt::print("{}\n", to_json(outcome, policy->name, seed, arguments.buckets));
      if (!arguments.record.empty()) record(arguments, workload);
    }
  }
}
