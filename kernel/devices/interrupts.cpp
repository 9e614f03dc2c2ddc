#include "devices/interrupts.h"

#include <kernel/panic.h>

#include <array>

#include "harts/hart_timer.h"

namespace kernel {
namespace {

std::array<async::Interrupt, hal::irq_limit> lines;
constinit thread_local InterruptCounts* own_counts = nullptr;
std::array<LineDriver, hal::irq_limit> drivers;

}  // namespace

constinit std::array<InterruptCounts, hal::max_harts> interrupt_counts{};

void start_interrupts() {
  own_counts = &interrupt_counts[hal::hart_index()];
}

async::Interrupt& interrupt_line(hal::Irq irq) {
  return lines[static_cast<std::uint32_t>(irq)];
}

void set_line_driver(hal::Irq irq, LineDriver driver) {
  drivers[static_cast<std::uint32_t>(irq)] = driver;
}

LineDriver line_driver(hal::Irq irq) {
  return drivers[static_cast<std::uint32_t>(irq)];
}

void take_interrupts() {
  InterruptCounts& counts = *own_counts;
  if (hal::take_poke()) [[unlikely]] {
    ++counts.pokes;
    stop_if_panicking();
  }
  if (hal::timer_is_pending()) {
    ++counts.timer;
    timer_fired();
  }
  while (hal::external_interrupt_is_pending()) {
    const hal::Irq irq = hal::claim_interrupt();
    if (irq == hal::Irq::none) [[unlikely]] {
      ++counts.spurious;
      break;
    }
    ++counts.lines[static_cast<std::uint32_t>(irq)];
    interrupt_line(irq).raise_here();
  }
}

}  // namespace kernel
