// What the workers of `./cotrap bench scale` have in common (scale.cpp, scale_jobs.cpp).
#pragma once

#include <user/calls.h>
#include <user/check.h>

#include <cstdint>

#include "marks.h"
#include "meter.h"

namespace bench {

constexpr std::uint64_t operations_a_look = 8;  // between two reads of the clock, which cost time

/// The time in which all workers make operations. Their parent writes it to their standard input.
struct Window {
  std::uint64_t begin, end;

  /// Makes operations from the begin to the end; returns how many.
  template <class Operation>
  std::uint64_t count(Operation&& operation) const {
    std::uint64_t done = 0;
    while (clock_ns() < begin) continue;
    mark_begin();
    while (clock_ns() < end) {
      for (std::uint64_t i = 0; i < operations_a_look; ++i) operation();
      done += operations_a_look;
    }
    mark_end();
    return done;
  }
};

inline void run_on(unsigned hart) {
  user::must(user::set_affinity(0, 1ul << hart), "the affinity of a worker");
}

}  // namespace bench
