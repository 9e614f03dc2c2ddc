// Signals as this machine's interrupts: what trap/ needs of hal/ for them, and hal/ of trap/.
#pragma once

#include <cstdint>

namespace hal::hosted {

/// What harts are told that something is pending with: by each other, and by their timers.
int poke_signal();
int timer_signal();

/// The calling hart's timer has sent its signal. In the signal's handler.
void timer_has_fired();

/// From now on interrupts of the calling hart are taken: in the midst of a step by a call of
/// `vector` with where that was, on the step's stack and with interrupts masked; by a program,
/// because `attention` is not 0 or because of the signal itself.
void take_interrupts_by(void (*vector)(std::uintptr_t pc), volatile std::uint32_t& attention);
extern constinit thread_local volatile std::uint32_t* attention;

}  // namespace hal::hosted
