#include "record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "async/graph.h"

namespace async::sim {
namespace {

constexpr std::string_view first_line = "cotrap-schedule 2";

/// Adds the job if it is ready on this hart and not running.
void add_candidate(void* candidates, const Job& job) {
  const bool is_ready = job.kind == Kind::ready && !Executor::is_running(job);
  if (!is_ready || job.hart != platform::hart() || subject_of(job) == nullptr) return;
  static_cast<std::vector<std::uint64_t>*>(candidates)->push_back(number_of(job));
}

std::optional<Decision> decision_of(const std::string& line) {
  std::istringstream words(line);
  Decision decision;
  if (!(words >> decision.ns >> decision.hart >> decision.task >> decision.of)) return std::nullopt;
  for (std::uint64_t task = 0; words >> task;) decision.candidates.push_back(task);
  if (!words.eof() || decision.hart >= platform::max_harts) return std::nullopt;
  return decision;
}

/// Reads the lines of a recording. A last line without a newline means that the file is cut short.
class RecordingReader {
 public:
  explicit RecordingReader(std::string_view text) : lines_(std::string(text)) {}

  Recording read() {
    Recording recording;
    next();
    if (line_ != first_line) fail(fmt::format("expected '{}'", first_line));
    for (next(); line_ != "decisions"; next()) {
      if (line_.find('=') == line_.npos) fail("expected KEY=VALUE");
      recording.arguments.push_back(line_);
    }
    for (next(); !line_.starts_with("end "); next()) {
      auto decision = decision_of(line_);
      if (!decision) fail("not a valid decision");
      recording.decisions.push_back(std::move(*decision));
    }
    if (line_ != fmt::format("end {}", recording.decisions.size())) {
      fail(fmt::format("expected 'end {}', the number of decisions", recording.decisions.size()));
    }
    ++number_;
    if (lines_.peek() != std::istringstream::traits_type::eof())
      fail("text after the end of the recording");
    return recording;
  }

 private:
  void next() {
    ++number_;
    if (!std::getline(lines_, line_) || lines_.eof()) fail("the file is cut short");
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw std::runtime_error(fmt::format("{}: {}", number_, what));
  }

  std::istringstream lines_;
  std::string line_;
  unsigned number_ = 0;
};

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
  return text + fmt::format("end {}\n", decisions.size());
}

Recording Recording::of_file(std::string_view text) {
  return RecordingReader(text).read();
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

}  // namespace async::sim
