#include "devices/faulty_ipis.h"

#include <async/fault.h>
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/timer.h>

#include <utility>

#include "devices/hart_timer.h"

namespace kernel {
namespace {

constexpr std::uint64_t latest_ipi_ns = 200'000;
constexpr std::uint64_t repeated_after_ns = 10'000'000;

constinit thread_local hal::HartMask delayed_ipis =
    0;  // harts whose IPI waits for this hart's timer

void delay_ipi(unsigned hart, std::uint64_t ns) {
  delayed_ipis |= hal::mask_of(hart);
  const std::uint64_t tick = hal::ticks_at(hal::now_ns() + ns);
  if (tick < due(TimerSource::delayed_ipi)) set_due_at(TimerSource::delayed_ipi, tick);
}

}  // namespace

void send_ipi_with_faults(unsigned hart) noexcept {
  using async::Fault;
  const hal::InterruptGuard masked;
  if (async::inject(Fault::ipi_lost) != 0) return;
  if (async::inject(Fault::ipi_once) != 0) return delay_ipi(hart, repeated_after_ns);
  if (const std::uint64_t ns = async::inject_delay(Fault::ipi, latest_ipi_ns)) {
    delay_ipi(hart, ns);
    const bool comes_twice = ns % 2 != 0;
    if (!comes_twice) return;
  }
  hal::send_ipi(hart);
}

void send_delayed_ipis() noexcept {
  hal::send_ipis(std::exchange(delayed_ipis, 0));
}

void stand_still(std::uint64_t ns) noexcept {
  for (const std::uint64_t end = hal::now_ns() + ns; hal::now_ns() < end;) hal::relax();
}

}  // namespace kernel
