#include "record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "async/graph.h"

namespace async::sim {
namespace {

constexpr std::string_view first_line = "cotrap-schedule 1";

std::string told(const std::vector<Decision>& decisions, std::size_t place) {
  return place < decisions.size() ? to_text(decisions[place]) : "nothing any more";
}

/// One that could run on this hart now, and does not yet.
void add_candidate(void* candidates, const Job& job) {
  const bool is_ready = job.kind == Kind::ready && !Executor::is_running(job);
  if (!is_ready || job.hart != platform::hart() || subject_of(job) == nullptr) return;
  static_cast<std::vector<std::uint64_t>*>(candidates)->push_back(number_of(job));
}

}  // namespace

std::string to_text(const Decision& decision) {
  return fmt::format("{} {} {} {}{}{}", decision.ns, decision.hart, decision.task, decision.of,
                     decision.candidates.empty() ? "" : " ", fmt::join(decision.candidates, " "));
}

std::string Recording::to_file() const {
  std::string text = fmt::format("{}\n", first_line);
  for (const std::string& argument : arguments) text += argument + "\n";
  text += "decisions\n";
  for (const Decision& decision : decisions) text += to_text(decision) + "\n";
  return text;
}

Recording Recording::of_file(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string line;
  unsigned number = 1;
  Recording recording;
  if (!std::getline(lines, line) || line != first_line) {
    throw std::runtime_error(fmt::format("1: '{}' is wanted", first_line));
  }
  while (++number, std::getline(lines, line) && line != "decisions") {
    if (line.find('=') == line.npos) {
      throw std::runtime_error(fmt::format("{}: KEY=VALUE is wanted", number));
    }
    recording.arguments.push_back(line);
  }
  while (++number, std::getline(lines, line)) {
    std::istringstream words(line);
    Decision decision;
    if (!(words >> decision.ns >> decision.hart >> decision.task >> decision.of) ||
        decision.hart >= platform::max_harts) {
      throw std::runtime_error(fmt::format("{}: not a decision", number));
    }
    for (std::uint64_t task = 0; words >> task;) decision.candidates.push_back(task);
    recording.decisions.push_back(std::move(decision));
  }
  return recording;
}

Machine::Hook recorder(std::vector<Decision>& decisions) {
  return [&decisions](TraceEvent event, const Job& job) {
    if (event != TraceEvent::run) return;
    const auto* const subject = static_cast<const Subject*>(entity_of(job).attributes.owner);
    decisions.push_back({platform::now_ns(), platform::hart(), subject->number, job.name(), {}});
    for_each_job(add_candidate, &decisions.back().candidates);
    std::ranges::sort(decisions.back().candidates);
  };
}

std::string difference(const std::vector<Decision>& recorded, const std::vector<Decision>& now) {
  const auto [one, other] = std::ranges::mismatch(recorded, now);
  if (one == recorded.end() && other == now.end()) return "";
  const auto place = static_cast<std::size_t>(one - recorded.begin());
  std::string text = fmt::format("decision {} differs (time in ns, hart, task, class)\n", place);
  if (place != 0) text += fmt::format("  before:   {}\n", told(recorded, place - 1));
  text += fmt::format("  recorded: {}\n  now:      {}\n", told(recorded, place), told(now, place));
  return text;
}

}  // namespace async::sim
