#include "devices/interrupts.h"

#include <kernel/panic.h>

#include <array>

#include "devices/hart_timer.h"
#include "devices/line_listeners.h"
#include "trace/recorder.h"

namespace kernel {
namespace {

std::array<async::Interrupt, hal::irq_limit> lines;
constinit thread_local InterruptCounts* own_counts = nullptr;
std::array<LineDriver, hal::irq_limit> drivers;

/// Takes all pending interrupts of this hart. `watched`: also passes them to the trace and to
/// listeners.
template <bool watched>
[[gnu::always_inline]] inline void take() {
  const auto note = [](std::uint16_t line) {
    if constexpr (watched) {
      if (trace::is_on()) trace::note(trace::Kind::irq, 0, 0, line);
    }
  };
  InterruptCounts& counts = *own_counts;
  if (hal::take_ipi()) [[unlikely]] {
    ++counts.ipis;
    note(trace::ipi_line);
    stop_if_panicking();
  }
  if (hal::timer_is_pending()) {
    ++counts.timer;
    note(trace::timer_line);
    timer_fired();
  }
  while (hal::external_interrupt_is_pending()) {
    const hal::Irq irq = hal::claim_interrupt();
    if (irq == hal::Irq::none) [[unlikely]] {
      ++counts.spurious;
      break;
    }
    ++counts.lines[static_cast<std::uint32_t>(irq)];
    note(static_cast<std::uint16_t>(irq));
    interrupt_line(irq).raise_here();
    if constexpr (watched) LineListener::raise_all(irq);
  }
}

[[gnu::cold]] void take_watched() {
  take<true>();
}

}  // namespace

constinit std::array<InterruptCounts, hal::max_harts> interrupt_counts{};

void start_interrupts() {
  own_counts = &interrupt_counts[hal::hart_index()];
  if (trace::is_on()) ++LineListener::watchers;
}

async::Interrupt& interrupt_line(hal::Irq irq) {
  return lines[static_cast<std::uint32_t>(irq)];
}

void set_line_driver(hal::Irq irq, LineDriver driver) {
  const auto line = static_cast<std::uint32_t>(irq);
  drivers[line] = driver;
  trace::name_line(line, driver.name);
}

LineDriver line_driver(hal::Irq irq) {
  return drivers[static_cast<std::uint32_t>(irq)];
}

void take_interrupts() {
  const bool watched = LineListener::watchers.load(std::memory_order_relaxed) != 0;
  watched ? take_watched() : take<false>();
}

}  // namespace kernel
