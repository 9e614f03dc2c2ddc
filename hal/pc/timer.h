// The clock and the timer at boot.
#pragma once

#include <cstdint>

namespace hal::pc {

/// now_ns() counts from here.
void start_clock();
/// Measures the frequency of the clock and of the timer. Takes about 10 ms. Before it, now_ns() is
/// always 0. Returns false if the 8254 timer, beside which it measures them, does not count.
bool timer_init();
/// Prepares this hart's timer.
void timer_start_on_hart();
/// The timer's interrupt has arrived at this hart.
void accept_timer();
/// Sleeps until an interrupt arrives or now_ns() is `end_ns`. Call it with interrupts masked.
void nap(std::uint64_t end_ns);

}  // namespace hal::pc
