#include <hal/hart.h>
#include <trap/router.h>

#include <algorithm>

namespace trap {
namespace {

/// Each hart's counters; null until the hart has installed its trap vector.
constinit std::array<const decltype(route_counts)*, hal::max_harts> counts_of_hart{};

}  // namespace

constinit thread_local std::array<hal::Counter, routes.size()> route_counts{};

void add_hart_to_router() {
  counts_of_hart[hal::hart_index()] = &route_counts;
}

RouteCounts route_counts_of(unsigned hart) {
  RouteCounts values{};
  if (const auto* const counts = counts_of_hart[hart]; counts != nullptr) {
    std::ranges::transform(*counts, values.begin(), &hal::Counter::value);
  }
  return values;
}

}  // namespace trap
