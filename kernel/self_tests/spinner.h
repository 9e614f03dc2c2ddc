// A CPU-bound coroutine with a value in every register, for tests that interrupt it.
#pragma once

#include <async/async.h>
#include <hal/timer.h>
#include <trap/check_registers.h>
#include <trap/router.h>

#include <algorithm>
#include <cstdint>

#include "base/machine_facts.h"

namespace kernel::self_tests {

inline std::uint64_t ns(async::Duration duration) {
  return static_cast<std::uint64_t>(std::max(duration, async::Duration::zero()).count());
}

/// Computes without an await until `end`, or until check.stop is set.
struct Spinner {
  explicit Spinner(std::uint64_t seed = 0) { check.seed = seed; }

  async::Task<> run(async::Instant end) {
    const async::Duration left = end - async::now();
    check.until_tick = hal::clock_ticks() + ns(left) / hal::clock_period_ns();
    started = true;
    intact = trap::cotrap_check_registers(check);
    ended = async::now();
    co_return;
  }

  trap::CheckRegisters check;
  bool started = false;
  bool intact = false;
  async::Instant ended{};
};

/// How often the router has returned `action` so far, on all harts.
inline std::uint64_t count_of(trap::Action action) {
  std::uint64_t count = 0;
  for (unsigned hart = 0; hart < hart_count(); ++hart) {
    const trap::RouteCounts counts = trap::route_counts_of(hart);
    for (std::size_t row = 0; row < trap::routes.size(); ++row) {
      if (trap::routes[row].action == action) count += counts[row];
    }
  }
  return count;
}

}  // namespace kernel::self_tests
