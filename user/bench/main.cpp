// bench, bench-growth [--list] [--samples N] [NAME…]: runs benchmarks and prints their samples. The
// first line of the output says whether it counts instructions (under icount) or takes the time.
// benchmark.h has the format of the other lines.
#include "benchmark.h"

#include <user/calls.h>
#include <user/print.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace bench {

constinit Kind kind = Kind::time;
constinit int samples_asked_for = 0;

Samples Samples::of(std::vector<std::uint64_t> totals, unsigned operations) {
  std::ranges::sort(totals);
  Samples samples{.operations = operations};
  for (const auto total : totals) {
    if (samples.values.empty() || samples.values.back().first != total) {
      samples.values.emplace_back(total, 0);
    }
    ++samples.values.back().second;
  }
  return samples;
}

Samples Samples::of(const Histogram& histogram, unsigned operations) {
  Samples samples{.operations = operations};
  histogram.for_each(
      [&](std::uint64_t value, std::uint64_t times) { samples.values.emplace_back(value, times); });
  return samples;
}

namespace {

std::string_view name(Unit unit) {
  switch (unit) {
    case Unit::cost: return is_counted() ? "instructions" : "ns";
    case Unit::delay: return is_counted() ? "counted ns" : "ns";
    case Unit::bytes: return "bytes";
  }
  return "";
}

void print(const Benchmark& benchmark, const Samples& samples) {
  std::string line =
      user::format("{}\t{}\t{}\t", benchmark.name, name(benchmark.unit), samples.operations);
  for (const auto& [value, times] : samples.values) {
    if (line.back() != '\t') line += ' ';
    line += user::format("{}", value);
    if (times != 1) line += user::format("*{}", times);
  }
  user::println("{}", line);
}

int run(std::span<const std::string_view> names) {
  const auto known = all();
  for (const auto name : names) {
    if (std::ranges::contains(known, name, &Benchmark::name)) continue;
    user::complain("bench: there is no benchmark {} (--list names them)", name);
    return 2;
  }
  kind = user::counts_are_exact() ? Kind::instructions : Kind::time;
  user::println("# {}", is_counted() ? "instructions, counted exactly" : "time, by the clock");
  // One hart for all: on two harts, two threads would not have to switch.
  static_cast<void>(user::set_affinity(0, 1));
  for (const auto& benchmark : known) {
    if (!names.empty() && !std::ranges::contains(names, benchmark.name)) continue;
    const auto samples = benchmark.run();
    if (samples && !samples->values.empty()) {
      print(benchmark, *samples);
    } else {
      user::println("# {}: not available on this machine", benchmark.name);
    }
  }
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  std::vector<std::string_view> words{argv + 1, argv + argc};
  if (words.size() >= 2 && words[0] == "--samples") {
    std::from_chars(words[1].begin(), words[1].end(), bench::samples_asked_for);
    words.erase(words.begin(), words.begin() + 2);
  }
  const std::string_view first = words.empty() ? "" : words.front();
  if (first == "--role" && words.size() == 2) return bench::play_role(words[1]).value_or(2);
  if (first == "--list" && words.size() == 1) {
    for (const auto& benchmark : bench::all()) user::println("{}", benchmark.name);
    return 0;
  }
  if (first.starts_with('-')) {
    user::complain("usage: bench [--list | --samples N] [NAME…]");
    return 2;
  }
  if (!bench::is_first_on_linux()) return bench::run(words);
  bench::begin_on_linux();
  const int status = bench::run(words);
  bench::end_on_linux();
  return status;
}
