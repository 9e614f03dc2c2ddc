// What is measured with (user/counters.h), and medians of what it says. Every figure asks
// counts_are_exact() first.
#pragma once

#include <user/counters.h>

#include <algorithm>
#include <vector>

namespace measure {

using user::clock_ticks;
using user::counts_are_exact;
using user::instructions;
using user::nanoseconds_per_tick;

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Batches {
  int count = 31;
  int size = 1'000;
};

// Instructions per operation: the median over batches after a warm-up, so that timer ticks are left
// out. The loop's own two instructions are not subtracted.
template <class Operation>
double cost_of(Batches batches, Operation operation) {
  std::vector<double> costs;
  costs.reserve(batches.count);
  for (int batch = -1; batch < batches.count; ++batch) {
    const auto begin = instructions();
    for (int i = 0; i < batches.size; ++i) operation();
    const auto end = instructions();
    if (batch >= 0) costs.push_back(static_cast<double>(end - begin) / batches.size);
  }
  return median(std::move(costs));
}

}  // namespace measure
