// AsyncTrap's routing table. A row is chosen by where the trap occurred, why, and whether a more
// urgent job is ready.
//
// An interrupt only wakes coroutines, which handle the device or the timer. The rows differ in
// which job runs next, and on which stack.
//
// route() counts how often each row is chosen, for each hart, and calls the tracer's hook.
#pragma once

#include <hal/counter.h>
#include <trap/cause.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace trap {

/// The code that the hart ran when the trap occurred.
enum class Origin : std::uint8_t {
  user,         ///< a program
  kernel_step,  ///< a step of a preemptible job
  yield_point,  ///< the executor between two steps, or an idle hart
};

enum class Why : std::uint8_t {
  interrupt,
  exception,  ///< a system call or a fault of a program
  voluntary,  ///< a simulated trap: the kernel enters a program of its own accord
};

enum class Action : std::uint8_t {
  resume_step,     ///< wake jobs, then resume the step
  switch_stack,    ///< wake jobs; the preempted step keeps its stack, the executor runs on another
  pick_next,       ///< wake jobs; the executor picks the next job
  return_to_user,  ///< wake jobs, then return to the program
  yield,           ///< wake jobs; run_user() returns Trap::interrupt, and the thread yields
  serve,           ///< run_user() returns; the thread's coroutine serves the trap and may wait
  enter_user,      ///< run_user() enters the program; the row says why (cause.h)
};

/// Whether a more urgent job is ready, which must run first.
enum class Urgent : std::uint8_t { no, yes, either };

struct Route {
  Origin origin;
  Why why;
  Urgent urgent;
  Action action;
  std::string_view name;
};

/// The rows of traps; those of simulated traps follow.
inline constexpr std::array<Route, 6> trap_routes{{
    {Origin::kernel_step, Why::interrupt, Urgent::no, Action::resume_step, "kernel-wake"},
    {Origin::kernel_step, Why::interrupt, Urgent::yes, Action::switch_stack, "kernel-preempt"},
    {Origin::yield_point, Why::interrupt, Urgent::either, Action::pick_next, "kernel-yield-point"},
    {Origin::user, Why::interrupt, Urgent::no, Action::return_to_user, "user-wake"},
    {Origin::user, Why::interrupt, Urgent::yes, Action::yield, "user-preempt"},
    {Origin::user, Why::exception, Urgent::either, Action::serve, "user-exception"},
}};

inline constexpr auto routes = [] {
  std::array<Route, trap_routes.size() + simulated_traps.size()> all{};
  for (std::size_t i = 0; i < trap_routes.size(); ++i) all[i] = trap_routes[i];
  for (const SimulatedTrap& trap : simulated_traps) {
    all[trap_routes.size() + index_of(trap.cause)] = {
        Origin::yield_point, Why::voluntary, Urgent::either, Action::enter_user, trap.name};
  }
  return all;
}();

namespace detail {

inline constexpr std::size_t no_row = routes.size();

constexpr std::size_t row_of(Cause cause) {
  return trap_routes.size() + index_of(cause);
}
constexpr std::size_t row_of(Origin origin, Why why, bool urgent) {
  for (std::size_t row = 0; row < trap_routes.size(); ++row) {
    const Route& route = trap_routes[row];
    const bool fits = route.urgent == Urgent::either || (route.urgent == Urgent::yes) == urgent;
    if (route.origin == origin && route.why == why && fits) return row;
  }
  return no_row;
}

}  // namespace detail

using RouteCounts = std::array<std::uint64_t, routes.size()>;

/// This hart's counters. Only this hart writes them.
extern constinit thread_local std::array<hal::Counter, routes.size()> route_counts;
/// The counters of `hart` at this moment; zeros before it has installed its trap vector.
RouteCounts route_counts_of(unsigned hart);
/// Lets other harts read this hart's counters, from now on. install() calls it.
void add_hart_to_router();

/// The tracer's hook, called for each trap with interrupts masked.
using RouteHook = void (*)(std::size_t row);
inline constinit RouteHook route_hook = nullptr;

namespace detail {

[[gnu::always_inline]] inline void take(std::size_t row) {
  ++route_counts[row];
  if (route_hook != nullptr) [[unlikely]]
    route_hook(row);
}

}  // namespace detail

/// Returns the action for a trap, and counts and traces it. `urgent`: a more urgent job is ready.
/// Call with interrupts masked.
template <Origin origin, Why why>
[[gnu::always_inline]] inline Action route(bool urgent = false) {
  constexpr std::size_t calm = detail::row_of(origin, why, false);
  constexpr std::size_t hurried = detail::row_of(origin, why, true);
  static_assert(calm != detail::no_row && hurried != detail::no_row,
                "the table has no row for this trap");
  const std::size_t row = urgent ? hurried : calm;
  detail::take(row);
  return routes[row].action;
}

/// Counts and traces a simulated trap. Call with interrupts masked.
[[gnu::always_inline]] inline void route(Cause cause) {
  detail::take(detail::row_of(cause));
}

}  // namespace trap
