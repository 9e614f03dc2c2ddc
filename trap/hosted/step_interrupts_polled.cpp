// For ThreadSanitizer: a step takes the interrupt at its next branch. When the signal arrives, the
// step may be inside the sanitizer's own functions, which are not reentrant and must not change
// threads. This file is built without the sanitizer.
#include <hal/interrupts.h>

#include "step_interrupts.h"

void trap::interrupt_step(ucontext_t&) {}

/// The compiler inserts a call of this function on every edge of the control flow
/// (-fsanitize-coverage=edge,…).
extern "C" void __sanitizer_cov_trace_pc() {
  if (HAL_LOAD_PER_HART_WORD("cotrap_masked") != 0) return;
  if (HAL_LOAD_PER_HART_WORD("cotrap_pending") == 0) [[likely]]
    return;
  hal::mask_interrupts();
  cotrap_take_interrupts(reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
}
