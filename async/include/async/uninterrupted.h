// What a world without interrupts says to those of async/platform.h's questions that are about
// them: nothing. Its <async_platform.h> includes this.
#pragma once

#include "async/local.h"

namespace async::platform {

struct [[maybe_unused]] InterruptGuard {};
inline void begin_step(StepKind) noexcept {}
inline void end_step() noexcept {}
inline void begin_wait() noexcept {}
inline void cancel_wait() noexcept {}
inline void strand_begins() noexcept {}
inline void strand_ends() noexcept {}

}  // namespace async::platform
