// Set-up of the clock.
#pragma once

#include <hal/timer.h>

namespace hal::riscv64 {

/// The kernel's time begins here.
void start_clock();
/// Once `devices` is filled in: time can be read, the timer be set.
void timer_init();

/// Sleeps until `end_ns` or until something is pending, and leaves the deadline as it was.
void nap(std::uint64_t end_ns);

}  // namespace hal::riscv64
