#include "timer.h"

#include <hal/hart.h>

#include <algorithm>

#include "devices.h"
#include "firmware.h"

namespace hal {
namespace riscv64 {

std::uint64_t ns_per_tick_fixed;
std::uint64_t entry_tick;

namespace {

std::uint64_t ticks_per_ns_fixed;  // 32.32 fixed point, rounded up so that no deadline is early
constexpr std::uint64_t ns_per_second = 1'000'000'000;

/// The last argument of set_timer() on this hart.
constinit thread_local std::uint64_t deadline_tick = no_deadline;

void set_timer_register(std::uint64_t tick) {
  if (devices.has_sstc) {
    HAL_WRITE_CSR("0x14d", tick);  // stimecmp (Sstc extension 1.0)
  } else {
    firmware::set_timer(tick);
  }
}

}  // namespace

void start_clock() {
  entry_tick = HAL_READ_CSR("time");
}

void timer_init() {
  ns_per_tick_fixed = (ns_per_second << 32) / devices.timebase_hz;
  ticks_per_ns_fixed = ((devices.timebase_hz << 32) + ns_per_second - 1) / ns_per_second;
  set_timer(no_deadline);
}

void nap(std::uint64_t end_ns) {
  set_timer_register(std::min(deadline_tick, ticks_at(end_ns)));
  wait_for_interrupt();
  set_timer_register(deadline_tick);
}

}  // namespace riscv64

std::uint64_t ticks_at(std::uint64_t ns) {
  using Wide = unsigned __int128;
  const Wide ticks = (Wide{ns} * riscv64::ticks_per_ns_fixed + 0xffff'ffff) >> 32;
  const Wide tick = ticks + riscv64::entry_tick;
  return tick > no_deadline ? no_deadline : static_cast<std::uint64_t>(tick);
}

void set_timer(std::uint64_t deadline) {
  riscv64::deadline_tick = deadline;
  riscv64::set_timer_register(deadline);
}

}  // namespace hal
