// Each hart has one timer, which three sources share. Call these functions with interrupts masked.
#pragma once

#include <async/platform.h>
#include <hal/timer.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace kernel {

enum class TimerSource : std::uint8_t {
  alarm,        ///< the executor's next timer
  timeslice,    ///< the end of the current thread's time slice
  step,         ///< the check of a long step of a preemptible job
  delayed_ipi,  ///< an IPI that a fault has delayed (faulty_ipis.h)
};
/// The last source exists only in kernels that inject faults.
inline constexpr std::size_t timer_sources = async::platform::injects_faults ? 4 : 3;

/// The deadline of each source on this hart, in ticks of the clock; hal::no_deadline: not armed.
/// set_due() replaces a deadline in the past by the present time.
using Deadlines = std::array<std::uint64_t, timer_sources>;
extern constinit thread_local Deadlines deadlines;

inline std::uint64_t due(TimerSource what) noexcept {
  return deadlines[std::to_underlying(what)];
}
/// The earliest of these deadlines.
inline std::uint64_t next_due() noexcept {
  const std::uint64_t first = std::min({deadlines[0], deadlines[1], deadlines[2]});
  if constexpr (timer_sources == 3) return first;
  return std::min(first, deadlines.back());
}
/// Replaces the deadline of `what` by `ns`; hal::no_deadline disarms it.
void set_due(TimerSource what, std::uint64_t ns) noexcept;
/// set_due() in ticks of the clock.
void set_due_at(TimerSource what, std::uint64_t tick) noexcept;

/// The functions that handle a timer interrupt; the executor handles TimerSource::alarm. Interrupt
/// context.
struct TimerHandlers {
  void (*late)(std::uint64_t ticks);  ///< called at each interrupt, which came `ticks` late
  void (*timeslice)();                ///< TimerSource::timeslice is due
  void (*step)();                     ///< TimerSource::step is due
};
/// Set once, before the first timer is set.
inline constinit const TimerHandlers* timer_handlers = nullptr;

/// Called by the timer interrupt: notifies each source that is due.
void timer_fired();

}  // namespace kernel
