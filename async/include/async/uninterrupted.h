// Empty definitions of the functions of async/platform.h that concern interrupts. The
// <async_platform.h> of a world without interrupts includes this.
#pragma once

#include "async/local.h"

namespace async::platform {

struct [[maybe_unused]] InterruptGuard {};
inline void begin_step(StepKind) noexcept {}
inline void end_step() noexcept {}
inline void begin_wait() noexcept {}
inline void cancel_wait() noexcept {}
inline void waited_for_strand() noexcept {}
inline void strand_ends() noexcept {}

}  // namespace async::platform
