// Interrupts in the midst of a kernel coroutine's step, and what comes of them: the kernel half of
// trap/router.h.
//
//   step of a preemptible coroutine ──interrupt──▶ cotrap_kernel_interrupt()
//                                                     │ take_interrupts(): wakes
//          kernel-wake: the step goes on  ◀───────────┤
//                                                     │ kernel-preempt: somebody more urgent
//                                                     ▼ is ready
//     the stack below is the step's, the executor's loop goes on upon another one of the pool; in
//     its ready level the job stands first, and whoever resumes it comes back to its stack
//
// It is more urgent whose priority is higher; at the end of the step's turn its equals are too;
// nobody is while the step holds a spin lock.
#pragma once

#include <cstdint>

namespace kernel {

/// How often the pool was empty when somebody more urgent was ready, and other counts, are with the
/// pool (stack_pool.h) and the router (trap/router.h).

/// A preemptible step begins, or goes on: interrupts are let in.
void begin_preemptible_step(bool goes_on) noexcept;

/// Between two steps something is pending: takes it.
void take_interrupts_at_yield_point() noexcept;

}  // namespace kernel
