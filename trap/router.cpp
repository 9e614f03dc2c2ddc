#include <hal/hart.h>
#include <hal/timer.h>
#include <trap/router.h>

#include <algorithm>

#include "router_hart.h"

namespace trap {
namespace {

struct Trace {
  static constexpr std::size_t capacity = 128;
  std::array<RouteEvent, capacity> events{};
  std::size_t count = 0;  // ever noted
};
constinit std::array<Trace, hal::max_harts> traces{};  // too large for what each hart has by tp

/// Where the other harts find a hart's counters.
constinit std::array<const RouteCounts*, hal::max_harts> counts_of_hart{};

}  // namespace

constinit thread_local RouteCounts route_counts{};
constinit bool tracing_routes = false;

void add_hart_to_router() {
  counts_of_hart[hal::hart_index()] = &route_counts;
}

RouteCounts route_counts_of(unsigned hart) {
  const RouteCounts* const counts = counts_of_hart[hart];
  return counts == nullptr ? RouteCounts{} : *counts;
}

void trace_routes(bool on) {
  tracing_routes = on;
}

void note_route(std::size_t row) {
  Trace& trace = traces[hal::hart_index()];
  trace.events[trace.count++ % Trace::capacity] = {.time_ns = hal::now_ns(),
                                                   .row = static_cast<std::uint8_t>(row)};
}

std::size_t last_routes(unsigned hart, std::span<RouteEvent> out) {
  const Trace& trace = traces[hart];
  const std::size_t end = trace.count;
  const std::size_t count = std::min({end, Trace::capacity, out.size()});
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = trace.events[(end - count + i) % Trace::capacity];
  }
  return count;
}

}  // namespace trap
