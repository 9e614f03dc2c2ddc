// The hart's instruction counter and clock, as a program reads them, and medians of what they say.
//
// `instret` is exact only under `-icount shift=0`, where an instruction takes a nanosecond: then it
// and `time` must agree. Without icount QEMU's `instret` is noise (30 times off was seen), so every
// figure asks counts_are_exact() first.
#pragma once

#include <algorithm>
#include <vector>

namespace measure {

inline unsigned long instructions() {
  unsigned long value;
  asm volatile("rdinstret %0" : "=r"(value)::"memory");
  return value;
}

inline unsigned long clock_ticks() {
  unsigned long value;
  asm volatile("rdtime %0" : "=r"(value)::"memory");
  return value;
}

inline constexpr unsigned long nanoseconds_per_tick = 100;  // QEMU virt: 10 MHz

// A busy loop of a known length, by both counters.
bool counts_are_exact();

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
