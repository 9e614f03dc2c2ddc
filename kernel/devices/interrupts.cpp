#include "devices/interrupts.h"

#include <kernel/panic.h>
#include <trap/claim.h>

#include <array>

#include "devices/hart_timer.h"
#include "devices/line_listeners.h"
#include "trace/recorder.h"

namespace kernel {
namespace {

/// A line's entry. The trap entry finds it by the line's number (trap/claim.h).
struct alignas(trap::line_bytes) Line : async::Interrupt {
  hal::Counter claims;  // counted on the hart whose task waits for the line
};
std::array<Line, hal::irq_limit> lines;
std::array<LineDriver, hal::irq_limit> drivers;
constinit thread_local InterruptCounts* own_counts = nullptr;

/// Writes an interrupt into the trace, if `watched`.
template <bool watched>
void note(std::uint32_t line) {
  if constexpr (watched) {
    if (trace::is_on()) trace::note(trace::Kind::irq, 0, 0, static_cast<std::uint16_t>(line));
  }
}

/// Counts a claimed interrupt, and delivers it. `watched`: also passes it to the trace and to
/// listeners.
template <bool watched>
[[gnu::always_inline]] inline void deliver(async::Interrupt& claimed) {
  Line& line = static_cast<Line&>(claimed);
  ++line.claims;
  const auto number = static_cast<std::uint32_t>(&line - lines.data());
  note<watched>(number);
  line.deliver_here();
  if constexpr (watched) LineListener::raise_all(hal::Irq{number});
}

[[gnu::cold]] void deliver_watched(async::Interrupt& claimed) {
  deliver<true>(claimed);
}

bool is_watched() {
  return LineListener::watchers.load(std::memory_order_relaxed) != 0;
}

/// Takes all pending interrupts of this hart.
template <bool watched>
[[gnu::always_inline]] inline void take() {
  if (hal::take_ipi()) [[unlikely]] {
    ++own_counts->ipis;
    note<watched>(trace::ipi_line);
    stop_if_panicking();
  }
  if (hal::timer_is_pending()) {
    ++own_counts->timer;
    note<watched>(trace::timer_line);
    timer_fired();
  }
  while (hal::external_interrupt_is_pending()) {
    async::Interrupt* const claimed = cotrap_claim();
    if (claimed == nullptr) [[unlikely]]
      break;
    deliver<watched>(*claimed);
  }
}

[[gnu::cold]] void take_watched() {
  take<true>();
}

}  // namespace

constinit std::array<InterruptCounts, hal::max_harts> interrupt_counts{};
static_assert(sizeof(Line) == trap::line_bytes);

void start_interrupts() {
  own_counts = &interrupt_counts[hal::hart_index()];
  if (trace::is_on()) ++LineListener::watchers;
  trap::start_claims(lines.data(), own_counts->spurious);
}

async::Interrupt& interrupt_line(hal::Irq irq) {
  return lines[static_cast<std::uint32_t>(irq)];
}

std::uint64_t claims_of(hal::Irq irq) {
  return lines[static_cast<std::uint32_t>(irq)].claims.value();
}

void set_line_driver(hal::Irq irq, LineDriver driver) {
  async::Strand::check_access();
  const auto line = static_cast<std::uint32_t>(irq);
  drivers[line] = driver;
  trace::name_line(line, driver.name);
}

LineDriver line_driver(hal::Irq irq) {
  return drivers[static_cast<std::uint32_t>(irq)];
}

void take_interrupts() {
  is_watched() ? take_watched() : take<false>();
}

void take_interrupts(async::Interrupt* claimed) {
  if (claimed != nullptr) is_watched() ? deliver_watched(*claimed) : deliver<false>(*claimed);
  if (hal::interrupt_is_pending()) take_interrupts();
}

}  // namespace kernel
