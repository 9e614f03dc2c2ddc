#include "once.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "director.h"
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
  if (arguments.schedule) recording.arguments.push_back("schedule=" + *arguments.schedule);
  write_whole(arguments.record, recording.to_file());
}

}  // namespace async::sim
