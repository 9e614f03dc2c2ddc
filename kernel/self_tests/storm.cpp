#include <hal/bell.h>

#include <atomic>

#include "base/interrupt_backoff.h"
#include "self_tests/bell.h"
#include "self_tests/team.h"

namespace kernel::self_tests {
namespace {

/// A driver of a device that raises its interrupt again at once, until `end` or `stop`.
async::Task<> endure(async::Instant end, const std::atomic<bool>& stop, InterruptBackoff& backoff,
                     std::uint64_t& interrupts) {
  open_bell();
  hal::ring_bell();
  for (bool over = false; !over;) {
    (void)co_await bell().wait("the bell");
    ++interrupts;
    if (const auto pause = backoff.after(false)) {
      (void)co_await async::sleep_for(*pause, "a pause after useless interrupts");
    }
    over = stop || async::now() >= end;
    hal::silence_bell();
    if (!over) hal::ring_bell();  // a new edge, which edge-triggered controllers need
    hal::complete_interrupt(hal::bell_interrupt());
  }
  close_bell();
}

async::Task<Result<Words>> raise_storm(std::uint64_t milliseconds) {
  constexpr std::uint64_t most = 10'000;
  if (milliseconds == 0 || milliseconds > most) co_return fail(Errno::einval);
  InterruptBackoff backoff;
  std::uint64_t interrupts = 0;
  std::atomic<bool> stop = false;
  Team team;
  const async::Instant end = async::now() + milliseconds * async::Duration{1'000'000};
  team.start(endure(end, stop, backoff, interrupts), "storm", above);
  co_await team.wait([&stop] { stop = true; });
  co_return Words{interrupts, backoff.useless(), backoff.pauses()};
}

}  // namespace

async::Task<Result<Words>> storm(std::uint64_t milliseconds) {
  return with_bell(raise_storm(milliseconds));
}

}  // namespace kernel::self_tests
