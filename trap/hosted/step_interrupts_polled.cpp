// With ThreadSanitizer, the step takes the interrupt at the next branch that it comes to. Where the
// signal found it may be in the midst of the sanitizer's own functions, which can neither be called
// again there nor go on on another hart. Built without it.
#include <hal/interrupts.h>

#include "step_interrupts.h"

void trap::interrupt_step(ucontext_t&) {}

/// The compiler calls it on every edge of the control flow (-fsanitize-coverage=edge,…).
extern "C" void __sanitizer_cov_trace_pc() {
  if (HAL_LOAD_PER_HART_WORD("cotrap_masked") != 0) return;
  if (HAL_LOAD_PER_HART_WORD("cotrap_pending") == 0) [[likely]]
    return;
  hal::mask_interrupts();
  cotrap_take_interrupts(reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
}
