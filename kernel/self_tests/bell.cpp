#include "self_tests/bell.h"

#include <hal/bell.h>
#include <hal/instructions.h>

#include <atomic>
#include <utility>

namespace kernel::self_tests {
namespace {

constexpr async::Duration moment{1'000'000};

/// The state of the handler that set_bell() starts: it serves one ring, and ends.
enum class Handler : std::uint8_t { gone, starting, waits, rung };
constinit std::atomic<Handler> handler = Handler::gone;

async::Task<> serve_one_ring() {
  open_bell();
  handler = Handler::waits;
  do {
    (void)co_await bell().wait("the bell");
    quiet_bell();
  } while (handler == Handler::waits);
  close_bell();
  handler = Handler::gone;
}

/// Rings the bell, once, if the handler waits for it. Returns whether it has rung the bell. In the
/// strand.
bool ring_handler() {
  Handler expected = Handler::waits;
  if (!handler.compare_exchange_strong(expected, Handler::rung)) return false;
  hal::ring_bell();
  return true;
}

/// Returns false if the caller is cancelled.
async::Task<bool> end_handler() {
  while (handler != Handler::gone) {
    ring_handler();
    if (co_await async::sleep_for(moment, "the bell") != async::WaitResult::woken) co_return false;
  }
  co_return true;
}

async::Task<Result<Words>> start_handler(std::uint8_t priority) {
  handler = Handler::starting;
  async::spawn_preemptible(serve_one_ring(), {.name = "bell", .priority = priority});
  while (handler == Handler::starting) {
    if (co_await async::sleep_for(moment, "the bell's handler") != async::WaitResult::woken) break;
  }
  co_return Words{};
}

}  // namespace

async::Interrupt& bell() {
  return interrupt_line(hal::bell_interrupt());
}

async::Task<Result<Words>> with_bell(async::Task<Result<Words>> self_test) {
  if (hal::bell_interrupt() == hal::Irq::none) co_return fail(Errno::enxio);
  if (!co_await end_handler()) co_return fail(Errno::eintr);
  co_return co_await async::spawn(
      std::move(self_test), {.name = "bell self-test", .harts = async::hart_mask(bell().hart)});
}

void open_bell() {
  set_line_driver(hal::bell_interrupt(), {.name = "bell"});
  hal::silence_bell();
  hal::enable_interrupt(hal::bell_interrupt());
  hal::enable_bell();
}

void quiet_bell() {
  hal::silence_bell();
  hal::complete_interrupt(hal::bell_interrupt());
}

void close_bell() {
  hal::disable_interrupt(hal::bell_interrupt());
}

async::Task<Result<Words>> set_bell(bool urgent) {
  return with_bell(start_handler(urgent ? above : async::priorities - 1));
}

Result<> ring_bell(bool handler_stays) {
  if (handler_stays && handler == Handler::waits) {
    hal::ring_bell();
  } else if (hal::bell_interrupt() == hal::Irq::none || !ring_handler()) {
    return fail(Errno::enxio);
  }
  return {};
}

Result<std::uint64_t> take_ring() {
  if (const Result<> rung = ring_bell(true); !rung) return fail(rung.error());
  const std::uint64_t begin = hal::instructions();
  take_interrupts();
  return hal::instructions() - begin;
}

}  // namespace kernel::self_tests
