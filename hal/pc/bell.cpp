// The bell of a PC is an interrupt that a hart sends itself or another one: a line without a
// device. Like the line of a device, it stays asserted until it is silenced, and interrupts the
// hart for which it is enabled.
#include <hal/bell.h>

#include <atomic>

#include "interrupts.h"

namespace hal {
namespace pc {
namespace {

// ring_bell() sets `is_rung` and then reads `is_claimed`; the completion clears `is_claimed` and
// then reads `is_rung`. All four are sequentially consistent, so at least one of them sends. If
// both send, the hart accepts the second interrupt only if the bell still rings.
constinit std::atomic<bool> is_rung = false;
constinit std::atomic<bool> is_claimed = false;  // accepted, and not completed

}  // namespace

bool bell_rings_unclaimed() {
  return is_rung && !is_claimed;
}

bool claim_bell() {
  return is_rung && !is_claimed.exchange(true);
}

void complete_bell() {
  is_claimed = false;
  if (is_rung) send_line(bell_interrupt());
}

}  // namespace pc

Irq bell_interrupt() {
  return Irq{irq_limit - 1};
}

void enable_bell() {}

void ring_bell() {
  pc::is_rung = true;
  if (!pc::is_claimed) pc::send_line(bell_interrupt());
}

void silence_bell() {
  pc::is_rung = false;
}

}  // namespace hal
