// Interrupts during a step of a preemptible job: the kernel's half of trap/router.h.
//
//   step of a preemptible job ──interrupt──▶ cotrap_kernel_interrupt()
//                                                  │ take_interrupts(): wakes jobs
//       kernel-wake: resumes the step  ◀───────────┤
//                                                  │ kernel-preempt: a ready job preempts the step
//                                                  ▼
//     the preempted step keeps its stack; the executor's loop runs on another stack of the pool.
//     The job becomes ready: first of its level, or last if its time slice is over. The hart that
//     resumes it switches to its stack.
//
// A ready job preempts the step if it is more urgent, or equally urgent once the step's time slice
// is over. While the step holds a spin lock, or no stack of the pool is free, no job preempts it.
#pragma once

#include <cstdint>

namespace kernel {

/// Counts of preemptions are in stack_pool.h and trap/router.h.

/// Called when a preemptible step begins, or if `continues` is true, when a preempted one is about
/// to be resumed. Unmasks interrupts for a step that begins.
void begin_preemptible_step(bool continues) noexcept;

/// Called by the executor between two steps if an interrupt is pending.
void take_interrupts_at_yield_point() noexcept;

}  // namespace kernel
