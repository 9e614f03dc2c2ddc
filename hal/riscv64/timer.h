// Setting up the clock, and sleeping until a time.
#pragma once

#include <hal/timer.h>

namespace hal::riscv64 {

/// Records the present clock reading as time 0 of now_ns().
void start_clock();
/// Call it once, after `devices` is filled in. From then on now_ns() and set_timer() work.
void timer_init();

/// Sleeps until `end_ns` or until an interrupt is pending. Keeps this hart's deadline. Interrupts
/// are masked.
void nap(std::uint64_t end_ns);

}  // namespace hal::riscv64
