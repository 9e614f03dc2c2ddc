// AsyncTrap: the one table that says what becomes of a trap, from where it came upon the hart, why,
// and whether somebody more urgent is ready now.
//
// An interrupt handles nothing itself. In every row it wakes the coroutines that do; the rows
// differ in who runs next, and on which stack.
//
// Each row has a counter a hart, and is told to whoever traces.
#pragma once

#include <hal/counter.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace trap {

/// What a trap came upon.
enum class Origin : std::uint8_t {
  user,         ///< a program
  kernel_step,  ///< a kernel coroutine in mid-step
  yield_point,  ///< the kernel between two steps, or idle
};

enum class Why : std::uint8_t {
  interrupt,
  exception,  ///< what a program asked for (a system call) or did wrong; the kernel does neither
  voluntary,  ///< no trap: the kernel enters a program of its own accord
};

enum class Action : std::uint8_t {
  go_on,         ///< wake, and return to the step
  change_stack,  ///< wake; the stack belongs to the step's coroutine, the executor takes another
  pick_next,     ///< wake; nothing is to be kept, the executor picks the next coroutine
  back_to_user,  ///< wake, and straight back to the program
  give_way,      ///< wake; run_user has returned Trap::interrupt, and its coroutine gives way
  serve,         ///< run_user has returned; its coroutine serves the trap, and may wait for it
  enter_user,    ///< by the same exit code, the reason in the context's `cause`
};

enum class Urgent : std::uint8_t { no, yes, either };  ///< must somebody else run first?

struct Route {
  Origin origin;
  Why why;
  Urgent urgent;
  Action action;
  std::string_view name;
};

inline constexpr std::array<Route, 7> routes{{
    {Origin::kernel_step, Why::interrupt, Urgent::no, Action::go_on, "kernel-wake"},
    {Origin::kernel_step, Why::interrupt, Urgent::yes, Action::change_stack, "kernel-preempt"},
    {Origin::yield_point, Why::interrupt, Urgent::either, Action::pick_next, "kernel-yield-point"},
    {Origin::user, Why::interrupt, Urgent::no, Action::back_to_user, "user-wake"},
    {Origin::user, Why::interrupt, Urgent::yes, Action::give_way, "user-preempt"},
    {Origin::user, Why::exception, Urgent::either, Action::serve, "user-exception"},
    {Origin::yield_point, Why::voluntary, Urgent::either, Action::enter_user, "user-entered"},
}};

namespace detail {

inline constexpr std::size_t no_row = routes.size();

constexpr std::size_t row_of(Origin origin, Why why, bool urgent) {
  for (std::size_t row = 0; row < routes.size(); ++row) {
    const Route& route = routes[row];
    const bool fits = route.urgent == Urgent::either || (route.urgent == Urgent::yes) == urgent;
    if (route.origin == origin && route.why == why && fits) return row;
  }
  return no_row;
}

}  // namespace detail

using RouteCounts = std::array<std::uint64_t, routes.size()>;

/// This hart's, which alone writes them.
extern constinit thread_local std::array<hal::Counter, routes.size()> route_counts;
/// Any hart's, as they are just now; zeros before it has installed its trap vector.
RouteCounts route_counts_of(unsigned hart);

/// Called for each trap, interrupts masked.
using RouteHook = void (*)(std::size_t row);
inline constinit RouteHook route_hook = nullptr;

/// What is to be done, and the record that it was. `origin` and `why` decide at compile time where
/// they can. Interrupts masked.
template <Origin origin, Why why>
[[gnu::always_inline]] inline Action route(bool urgent = false) {
  constexpr std::size_t calm = detail::row_of(origin, why, false);
  constexpr std::size_t hurried = detail::row_of(origin, why, true);
  static_assert(calm != detail::no_row && hurried != detail::no_row, "no such trap");
  const std::size_t row = urgent ? hurried : calm;
  ++route_counts[row];
  if (route_hook != nullptr) [[unlikely]]
    route_hook(row);
  return routes[row].action;
}

}  // namespace trap
