// Each check is a step that all harts do at the same time.

#include <hal/console.h>
#include <hal/interrupts.h>
#include <hal/timer.h>

#include <array>
#include <atomic>

#include "machine.h"

namespace machine {
namespace {

// ── Data and stacks of each hart ─────────────────────────────────────────────────────────────────

thread_local unsigned initialised = 42;
thread_local unsigned zeroed;
constinit std::array<std::atomic<const volatile char*>, hal::max_harts> stacks{};

void own_data(unsigned hart) {
  check(hart == hal::hart_index(), "a hart knows its number");
  check(initialised == 42 && zeroed == 0, "a hart's data has its initial values");
  volatile char on_stack = 0;
  stacks[hart] = &on_stack;
  initialised = zeroed = 100 + hart;
  meet();
  check(initialised == 100 + hart && zeroed == 100 + hart, "a hart's data is its own");
  for (unsigned other = 0; other < hart; ++other) {
    check(stacks[other] != &on_stack, "a hart's stack is its own");
  }
}

// ── IPIs ─────────────────────────────────────────────────────────────────────────────────────────

constinit std::atomic<unsigned> ipi_sender = 0, ipi_receiver = 0;

void send_one_ipi(unsigned hart) {
  if (hart == ipi_sender) hal::send_ipi(ipi_receiver);
  if (hart == ipi_receiver) {
    while (!hal::take_ipi()) hal::wait_for_interrupt();
  }
  meet();
  check(!hal::take_ipi(), "one IPI reaches one hart, once");
}

void send_ipi_to_others(unsigned hart) {
  for (unsigned from = 0; from < hart_count(); ++from) {
    if (hart == from) {
      hal::send_ipis(others_than(from));
    } else {
      while (!hal::take_ipi()) hal::wait_for_interrupt();
    }
    meet();
    check(!hal::take_ipi(), "an IPI of all others reaches all others, once");
    meet();
  }
}

void ipis() {
  for (unsigned from = 0; from < hart_count(); ++from) {
    for (unsigned to = 0; to < hart_count(); ++to) {
      ipi_sender = from;
      ipi_receiver = to;
      on_all_harts(send_one_ipi);
    }
  }
  on_all_harts(send_ipi_to_others);
}

// ── Timers ───────────────────────────────────────────────────────────────────────────────────────

/// Returns true if the timer has fired, and disarms it.
bool take_timer() {
  if (!hal::timer_is_pending()) return false;
  hal::set_timer(hal::no_deadline);
  return true;
}

void timers(unsigned hart) {
  constexpr std::uint64_t ms = 1'000'000;
  for (unsigned turn = 0; turn < 5; ++turn) {
    // The harts' timers fire in another order in each round.
    const std::uint64_t deadline = hal::now_ns() + (1 + (hart + turn) % hart_count()) * ms;
    hal::set_timer(hal::ticks_at(deadline));
    while (!take_timer()) hal::wait_for_interrupt();
    check(hal::now_ns() >= deadline, "no timer fires early");
    check(!take_timer(), "a timer fires once");
  }
  const std::uint64_t end = hal::now_ns() + 3 * ms;
  hal::set_timer(hal::ticks_at(end - 2 * ms));
  hal::set_timer(hal::no_deadline);
  while (hal::now_ns() < end) {
  }
  check(!take_timer(), "a deadline that is removed does not fire");
  hal::set_timer(hal::ticks_at(hal::now_ns()));
  while (!take_timer()) hal::wait_for_interrupt();

  // The timer fires while interrupts are masked. The hart sets another deadline before it asks
  // whether the timer has fired.
  const std::uint64_t first = hal::now_ns() + ms;
  hal::set_timer(hal::ticks_at(first));
  while (hal::now_ns() < first + ms) {
  }
  const std::uint64_t second = hal::now_ns() + 2 * ms;
  hal::set_timer(hal::ticks_at(second));
  while (!take_timer()) hal::wait_for_interrupt();
  check(hal::now_ns() >= second, "a deadline that is replaced after it has passed does not fire");
}

void one_clock(unsigned hart) {
  static constinit std::atomic<std::uint64_t> latest = 0;
  for (unsigned turn = 0; turn < 4 * hart_count(); ++turn) {
    if (turn % hart_count() == hart) {
      const std::uint64_t now = hal::now_ns();
      check(now >= latest, "time does not go back from hart to hart");
      latest = now;
    }
    meet();
  }
}

// ── External interrupts ──────────────────────────────────────────────────────────────────────────

/// The console has several bytes to read. One hart after the other enables the console's interrupt,
/// claims it and reads one byte.
void external_interrupts(unsigned hart) {
  const hal::Irq irq = hal::console_interrupt();
  for (unsigned turn = 0; turn < hart_count(); ++turn) {
    if (turn == hart) {
      hal::enable_interrupt(irq);
      while (!hal::external_interrupt_is_pending()) hal::wait_for_interrupt();
      check(hal::claim_interrupt() == irq, "the interrupted hart can claim the interrupt");
      check(hal::claim_interrupt() == hal::Irq::none,
            "a claimed interrupt is not pending any more");
      check(hal::console_read().has_value(), "the device has the byte that caused the interrupt");
    } else {
      check(!hal::external_interrupt_is_pending(),
            "an interrupt reaches the harts that enabled it");
    }
    meet();
    // The next hart completes the interrupt: it need not be the hart that claimed it.
    if ((turn + 1) % hart_count() == hart) hal::complete_interrupt(irq);
    meet();
    if (turn == hart) hal::disable_interrupt(irq);
    meet();
  }
}

// ── The console ──────────────────────────────────────────────────────────────────────────────────

void whole_lines(unsigned hart) {
  std::array<char, 90> line;
  line.fill(static_cast<char>('a' + hart));
  for (unsigned turn = 0; turn < 20; ++turn) print({line.data(), line.size()});
}

}  // namespace

void run_checks() {
  on_all_harts(own_data);
  ipis();
  on_all_harts(timers);
  on_all_harts(one_clock);
  on_all_harts(external_interrupts);
  check_disk();
  check_copies();
  check_flushes();
  on_all_harts(whole_lines);
}

}  // namespace machine
