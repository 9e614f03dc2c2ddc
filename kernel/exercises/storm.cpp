#include <hal/bell.h>

#include "devices/interrupt_backoff.h"
#include "devices/interrupts.h"
#include "exercises/exercises.h"
#include "exercises/team.h"

namespace kernel::exercises {
namespace {

/// A driver whose device is mad: whatever it does, its line is raised again.
async::Task<> endure(async::Instant end, InterruptBackoff& backoff, std::uint64_t& interrupts) {
  const hal::Irq irq = hal::bell_interrupt();
  hal::enable_interrupt(irq);
  hal::enable_bell();
  hal::ring_bell();
  for (bool over = false; !over;) {
    (void)co_await interrupt_line(irq).wait("the bell");
    ++interrupts;
    if (const auto pause = backoff.after(false)) {
      (void)co_await async::sleep_for(*pause, "the storm");
    }
    over = async::now() >= end;
    hal::silence_bell();
    if (!over) hal::ring_bell();  // some controllers look for the change
    hal::complete_interrupt(irq);
  }
}

}  // namespace

async::Task<Result<Words>> storm(std::uint64_t milliseconds) {
  constexpr std::uint64_t most = 10'000;
  constexpr std::uint8_t above_programs = 2;
  if (milliseconds == 0 || milliseconds > most) co_return fail(Errno::einval);
  if (hal::bell_interrupt() == hal::Irq::none) co_return fail(Errno::enxio);
  InterruptBackoff backoff;
  std::uint64_t interrupts = 0;
  Team team;
  const async::Instant end = async::now() + milliseconds * async::Duration{1'000'000};
  team.start(endure(end, backoff, interrupts), "storm", above_programs);
  co_await team.wait();
  co_return Words{interrupts, backoff.useless(), backoff.pauses()};
}

}  // namespace kernel::exercises
