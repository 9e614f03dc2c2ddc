// Benchmarks. Each yields samples, from which the reader computes medians and percentiles. main.cpp
// prints a line for each benchmark,
//
//   name <TAB> unit <TAB> operations <TAB> value[*times] value[*times] …
//
// Each value is the cost of that many operations together; values ascend. The unit of memory is
// `bytes`. Under icount the unit of a cost is `instructions`, and that of a delay is `counted ns`:
// the clock then advances with executed instructions only. In other runs both are in `ns`.
//
// The programs of this folder run on Linux too. There the private calls of Cotrap fail (rings, bare
// round trips, self-tests), and the benchmarks that use them have no samples.
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

/// Values below 4096 are exact. The error of larger values is below 1/2048.
using Histogram = user::Histogram<12>;

/// cost: differences of reading(); delay: differences of clock_ns().
enum class Unit : std::uint8_t { cost, delay, bytes };

struct Samples {
  unsigned operations = 1;  // per sample
  // (value, number of samples), in ascending order.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> values{};

  static Samples of(std::vector<std::uint64_t> totals, unsigned operations = 1);
  static Samples of(const Histogram& histogram, unsigned operations = 1);
};

/// Nothing: this machine cannot run the benchmark.
using Outcome = std::optional<Samples>;

struct Benchmark {
  std::string_view name;
  Unit unit;
  Outcome (*run)();
};

/// The benchmarks of the program, in the order in which they run (all.cpp, growth.cpp).
std::vector<Benchmark> all();

/// The benchmarks of each file. docs/benchmarks.md says which operations each one measures.
std::span<const Benchmark> system_calls();
std::span<const Benchmark> rings();
std::span<const Benchmark> io_urings();
std::span<const Benchmark> switching();
std::span<const Benchmark> lives();
std::span<const Benchmark> faults();
std::span<const Benchmark> wakes();
std::span<const Benchmark> disks();
std::span<const Benchmark> in_kernel();
std::span<const Benchmark> coroutines();
std::span<const Benchmark> late_system_calls();

/// Runs the partner process of a benchmark that needs two processes. Nothing: unknown role.
std::optional<int> play_role(std::string_view role);

/// If not 0, each benchmark that counts instructions takes this many samples, and a batch has at
/// most 100 operations. `./cotrap bench --profile` compares two runs with different numbers of
/// samples.
extern int samples_asked_for;

/// True if this is process 1 on Linux: then it must set up and power off the machine
/// (on_linux.cpp).
bool is_first_on_linux();
void begin_on_linux();
void end_on_linux();

struct Batches {
  int count = 31;
  int size = 1'000;
};

/// When timed: the least time of a batch, long compared to the clock's resolution, and the time of
/// all batches.
inline constexpr std::uint64_t batch_ns = 20'000, all_batches_ns = 200'000'000;

template <class Operation>
std::uint64_t cost_of_batch(int size, Operation& operation) {
  const auto begin = reading();
  for (int i = 0; i < size; ++i) operation();
  return reading() - begin;
}

/// Measures batches of an operation, after a warm-up batch. When it counts instructions it takes
/// `batches`, whose median leaves out timer ticks. When it takes the time, the batches are as small
/// as the clock's resolution allows, and there are enough of them to show rare costs. The loop's
/// own two instructions are included.
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

/// As sample(), for operations with preparations of their own: the operation returns the cost to
/// record.
template <class Operation>
Samples collect(int samples, unsigned operations, Operation operation) {
  if (samples_asked_for != 0) samples = samples_asked_for;
  static_cast<void>(operation());
  std::vector<std::uint64_t> totals;
  for (int i = 0; i < samples; ++i) totals.push_back(operation());
  return Samples::of(std::move(totals), operations);
}

}  // namespace bench
