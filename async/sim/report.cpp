#include "report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace async::sim {
namespace {

/// An empty sample has a count, and no statistics.
std::string sample(const Sample& sample, bool with_buckets) {
  std::string text = fmt::format(R"({{"count":{})", sample.size());
  if (sample.size() != 0) {
    text += fmt::format(R"(,"mean":{:.1f},"p50":{},"p90":{},"p99":{},"p99.9":{},"max":{})",
                        sample.mean(), sample.percentile(0.5), sample.percentile(0.9),
                        sample.percentile(0.99), sample.percentile(0.999), sample.largest());
  }
  if (with_buckets) {
    text += R"(,"buckets":{)";
    const char* comma = "";
    for (const auto& [bucket, times] : sample.buckets()) {
      text += fmt::format(R"({}"{}":{})", std::exchange(comma, ","), bucket, times);
    }
    text += "}";
  }
  return text + "}";
}

std::string or_null(std::optional<double> value) {
  return value ? fmt::format("{:.6g}", *value) : "null";
}

std::string list_of(const std::vector<std::string>& texts) {
  std::vector<std::string> all;
  for (const std::string& text : texts) all.push_back(json_text(text));
  return fmt::format("{}", fmt::join(all, ","));
}

std::string of_class(const ClassOutcome& made, double seconds, bool with_buckets) {
  return fmt::format(
      R"({{"name":{},"arrived":{},"finished":{},"throughput":{:.6g},"run":{},"missed":{},)"
      R"("slowdown":{},"fairness":{},"latency":{},"response":{},"tardiness":{}}})",
      json_text(made.name), made.arrived, made.finished,
      made.finished == 0 ? 0 : static_cast<double>(made.finished) / seconds, made.run_ns,
      made.missed, or_null(made.finished != 0 ? std::optional(made.slowdown) : std::nullopt),
      or_null(made.fairness), sample(made.latency, with_buckets),
      sample(made.response, with_buckets), sample(made.tardiness, false));
}

}  // namespace

std::string json_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    const bool is_control = static_cast<unsigned char>(c) < ' ';
    quoted += is_control ? fmt::format("\\u{:04x}", static_cast<unsigned>(c)) : std::string(1, c);
  }
  return quoted + "\"";
}

std::string to_json(const Outcome& outcome, std::string_view policy, std::uint64_t seed,
                    bool with_buckets, const std::string& timeline) {
  const double seconds = static_cast<double>(outcome.measured_ns) * 1e-9;
  std::string classes;
  for (const ClassOutcome& made : outcome.classes) {
    classes += (classes.empty() ? "" : ",") + of_class(made, seconds, with_buckets);
  }
  return fmt::format(
      R"({{"policy":"{}","seed":{},"harts":{},"duration":{},"hash":"{:016x}","events":{},)"
      R"("steps":{},"changes":{},"preemptions":{},"migrations":{},"utilisation":{:.6g},)"
      R"("queue":{:.6g},"longest_queue":{},"findings":[{}],"unfit":[{}],"unheeded":[{}],)"
      R"("absent":[{}],)"
      R"("timeline":{},"classes":[{}]}})",
      policy, seed, outcome.harts, outcome.duration_ns, outcome.hash, outcome.counts.events,
      outcome.counts.steps, outcome.counts.changes, outcome.counts.preemptions,
      outcome.counts.migrations, outcome.utilisation(), outcome.mean_queue, outcome.longest_queue,
      list_of(outcome.findings), list_of(outcome.unfit), list_of(outcome.unheeded),
      list_of(outcome.absent), timeline.empty() ? "null" : timeline, classes);
}

}  // namespace async::sim
