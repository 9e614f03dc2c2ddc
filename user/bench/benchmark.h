// What a benchmark is, and what it has to say: samples, of which the reader makes medians and
// percentiles. main.cpp prints a line for each benchmark,
//
//   name <TAB> unit <TAB> operations <TAB> value[*times] value[*times] …
//
// where each value is what so many operations took together, the values ascend, and the unit is
// `instructions` or `ns`, as the run counts, `counted ns` for the clock of a run that counts, which
// stands still but for instructions, or `bytes`.
//
// A program of this folder uses nothing that Linux does not have, but where the kernel itself is
// asked to do something (in_kernel.cpp): elsewhere that is refused, and there are no samples.
#pragma once

#include <user/histogram.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "meter.h"

namespace bench {

/// What is below four thousand is told as it was, also where a clock ticks by a hundred.
using Histogram = user::Histogram<12>;

/// Of a cost: what reading() reads. Of a delay: what clock_ns() reads.
enum class Unit : std::uint8_t { cost, delay, bytes };

struct Samples {
  unsigned operations = 1;                                        // in each sample
  std::vector<std::pair<std::uint64_t, std::uint64_t>> values{};  // ascending: value, how often

  static Samples of(std::vector<std::uint64_t> totals, unsigned operations = 1);
  static Samples of(const Histogram& histogram, unsigned operations = 1);
};

/// Nothing: this machine lacks what it takes.
using Outcome = std::optional<Samples>;

struct Benchmark {
  std::string_view name;
  Unit unit;
  Outcome (*run)();
};

/// A row for each file. docs/benchmarks.md says what is between start and stop.
std::span<const Benchmark> system_calls();
std::span<const Benchmark> rings();
std::span<const Benchmark> switching();
std::span<const Benchmark> lives();
std::span<const Benchmark> faults();
std::span<const Benchmark> wakes();
std::span<const Benchmark> disks();
std::span<const Benchmark> memory();
std::span<const Benchmark> in_kernel();
std::span<const Benchmark> coroutines();

/// What a program may be started as by a benchmark that needs two. Nothing: no such role.
std::optional<int> play_role(std::string_view role);

/// Not 0: of what is counted so many samples are taken, and batches are of 100 at most. Who looks
/// on from outside compares two such runs.
extern int samples_asked_for;

/// Is this process number 1 of Linux? Then it has a machine to begin and to end (on_linux.cpp).
bool is_first_on_linux();
void begin_on_linux();
void end_on_linux();

struct Batches {
  int count = 31;
  int size = 1'000;
};

/// By the clock: how long a batch takes at least, for its beginning and end to be told apart well,
/// and all of them together.
inline constexpr std::uint64_t batch_ns = 20'000, all_batches_ns = 200'000'000;

template <class Operation>
std::uint64_t cost_of_batch(int size, Operation& operation) {
  const auto begin = reading();
  for (int i = 0; i < size; ++i) operation();
  return reading() - begin;
}

/// Batches of one operation, after a warm-up. Instructions: so many of that size; their median
/// leaves timer ticks out. Time: batches as small as the clock allows, so many that there is
/// something to say about the rare ones. The loop's own two instructions are not subtracted.
template <class Operation>
Samples sample(Batches batches, Operation operation) {
  if (samples_asked_for != 0) batches = {samples_asked_for, std::min(batches.size, 100)};
  auto size = batches.size;
  const auto warm_up = cost_of_batch(size, operation);
  if (is_counted()) {
    std::vector<std::uint64_t> totals;
    totals.reserve(batches.count);
    for (int i = 0; i < batches.count; ++i) totals.push_back(cost_of_batch(size, operation));
    return Samples::of(std::move(totals), size);
  }
  const auto each = warm_up / size + 1;
  size = static_cast<int>(std::min<std::uint64_t>(batch_ns / each + 1, size));
  const auto most = 3'000ul, least = static_cast<unsigned long>(batches.count);
  const auto count = std::clamp(all_batches_ns / (each * size), least, most);
  static Histogram histogram;
  histogram = {};
  for (unsigned long i = 0; i < count; ++i) histogram.record(cost_of_batch(size, operation));
  return Samples::of(histogram, size);
}

/// … where an operation sets the scene by itself: it returns what the part of it cost that counts.
template <class Operation>
Samples collect(int samples, unsigned operations, Operation operation) {
  if (samples_asked_for != 0) samples = samples_asked_for;
  static_cast<void>(operation());
  std::vector<std::uint64_t> totals;
  for (int i = 0; i < samples; ++i) totals.push_back(operation());
  return Samples::of(std::move(totals), operations);
}

}  // namespace bench
