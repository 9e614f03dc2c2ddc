#include "devices/interrupts.h"

#include <kernel/panic.h>

#include <array>

#include "process/running.h"

namespace kernel {
namespace {

std::array<async::Interrupt, hal::irq_limit> lines;

}  // namespace

async::Interrupt& interrupt_line(hal::Irq irq) {
  return lines[static_cast<std::uint32_t>(irq)];
}

void take_interrupts() {
  const hal::PendingInterrupts pending = hal::take_pending();
  if (pending.poke) {
    ++turn.pokes;
    stop_if_panicking();
  }
  if (pending.timer) timer_fired();
  if (!pending.external) return;
  for (hal::Irq irq; (irq = hal::claim_interrupt()) != hal::Irq::none;) {
    interrupt_line(irq).raise();
  }
}

}  // namespace kernel
