// measure [--list | --anyway] [NAME…]: what things cost, in instructions, bytes and time; see
// report.h for the lines it prints. Exit status 1: a figure is over its limit.
#include <user/calls.h>
#include <user/print.h>

#include <vector>

#include "counter.h"
#include "report.h"

namespace measure {

bool report(const Row& row, double value, double limit) {
  const bool within = limit == no_limit || value <= limit;
  const auto bound = limit == no_limit ? "-" : user::format("{}", limit);
  const auto digits = value < 1'000 && value != static_cast<long>(value) ? 2 : 0;
  user::println("{}\t{:.{}f}\t{}\t{}\t{}", row.name, value, digits, row.unit, bound,
                within ? "ok" : "over");
  return within;
}

void report_nothing(const Row& row, std::string_view why) {
  user::println("# {}: {}", row.name, why);
}

namespace {

constexpr std::string_view options[] = {"--list", "--goals", "--anyway"};

bool run(const Measurement& measurement, bool goals) {
  const auto& row = measurement.row;
  const auto value = measurement.measure();
  if (value) return report(row, *value, goals ? row.goal : row.limit);
  report_nothing(row, "not to be had here");
  return true;
}

}  // namespace
}  // namespace measure

int main(int argc, char** argv) {
  using namespace measure;
  std::vector<std::string_view> names{argv + 1, argv + argc};
  const std::string_view first = names.empty() ? "" : names.front();
  if (first == "--role" && names.size() == 2) return play_role(names[1]).value_or(2);
  if (first.starts_with('-')) names.erase(names.begin());
  if (first.starts_with('-') && !std::ranges::contains(options, first)) {
    user::complain("usage: measure [--list | --goals | --anyway] [NAME…]");
    return 2;
  }

  std::vector<Measurement> all;
  for (const auto part : {time(), calls(), switching(), lives(), memory(), devices()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  if (first == "--list") {
    for (const auto& measurement : all) user::println("{}", measurement.row.name);
    return 0;
  }
  for (const auto name : names) {
    if (std::ranges::contains(all, name, [](const auto& m) { return m.row.name; })) continue;
    user::complain("measure: there is no figure {} (--list names them)", name);
    return 2;
  }
  const bool exact = counts_are_exact();
  if (!exact) {
    user::println("# icount is off: instret and time say nothing, so only bytes are counted");
  }
  bool all_within = true;
  for (const auto& measurement : all) {
    if (!names.empty() && !std::ranges::contains(names, measurement.row.name)) continue;
    if (measurement.row.unit != "bytes" && !exact && first != "--anyway") continue;
    all_within &= run(measurement, first == "--goals");
  }
  return all_within ? 0 : 1;
}
