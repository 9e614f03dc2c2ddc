#include <hal/hart.h>
#include <trap/router.h>

#include "router_hart.h"

namespace trap {
namespace {

/// Where the other harts find a hart's counters.
constinit std::array<const RouteCounts*, hal::max_harts> counts_of_hart{};

}  // namespace

constinit thread_local RouteCounts route_counts{};

void add_hart_to_router() {
  counts_of_hart[hal::hart_index()] = &route_counts;
}

RouteCounts route_counts_of(unsigned hart) {
  const RouteCounts* const counts = counts_of_hart[hart];
  return counts == nullptr ? RouteCounts{} : *counts;
}

}  // namespace trap
