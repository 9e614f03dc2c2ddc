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
//
// Counts of preemptions are in stack_pool.h and trap/router.h.
#include <async/async.h>
#include <trap/interrupted_step.h>
#include <trap/kernel_trap.h>
#include <trap/router.h>
#include <trap/stack_switch.h>

#include "devices/interrupts.h"
#include "sched/harts.h"
#include "sched/stack_pool.h"
#include "sched/step_watch.h"

namespace kernel {
namespace {

using trap::Action;
using trap::Origin;
using trap::Why;

/// The data to resume a preempted step. It lies on the step's own stack.
struct PreemptedContext {
  async::Job& job;
  StackPool::Stack* stack;
  StackPool& home;  ///< gave the executor another stack; gets one back when the step resumes
  StepTime time;
  trap::InterruptedStep step;
};

/// Runs on the hart's next stack, after the preempted step's stack has been left.
void go_on_without_step() {
  async::Executor::ready_again(step_time.slice_over);
  run_hart();
}

/// Not inlined, so that begin_preemptible_step() needs no stack frame.
[[gnu::noinline]] void begin_watched_step() {
  check_step_after_slice();
  hal::unmask_interrupts();
}

/// Never inlined: it may run on another hart than the code before it, so thread_local addresses
/// must be computed again.
[[gnu::noinline]] void resume_preempted(const PreemptedContext& preempted,
                                        std::coroutine_handle<> interrupted) {
  stack_pool.go_back_to(preempted.stack, preempted.home);
  async::Executor::resume_preempted(preempted.job, interrupted);
  watch_step_again(preempted.time);
  preempted.step.resume_preempted();
}

/// Runs other jobs on the stack `next` until the executor resumes `job`, perhaps on another hart. A
/// function of its own, so that an interrupt that preempts nothing saves fewer registers.
[[gnu::noinline]] void preempt(async::Job& job, StackPool::Stack* next) {
  const trap::InterruptedStep step;
  trap::StackContext context;
  const PreemptedContext preempted{.job = job,
                                   .stack = stack_pool.current(),
                                   .home = stack_pool,
                                   .time = step_time.stopped(),
                                   .step = step};
  context.interrupted() = async::Executor::preempt(job, context.handle());
  step.preempt();
  stack_pool.go_to(next);
  trap::leave_stack(context, next->top, go_on_without_step);
  resume_preempted(preempted, context.interrupted());
}

}  // namespace

void begin_preemptible_step(bool continues) noexcept {
  if (continues) return stack_pool.prepare_to_go_back();  // resume_preempted() does the rest
  if (!begin_step_time()) [[unlikely]]
    return begin_watched_step();
  hal::unmask_interrupts();
}

void take_interrupts_at_yield_point() noexcept {
  trap::route<Origin::yield_point, Why::interrupt>();
  take_interrupts();
  check_ended_step(async::platform::local().job);
}

namespace {

/// The end of an interrupt of the running step. If `urgent`, a ready job preempts it.
[[gnu::always_inline]] inline void end_interrupt(async::Job& job, bool urgent) {
  StackPool::Stack* const next = urgent ? stack_pool.take() : nullptr;
  if (next == nullptr) {
    trap::route<Origin::kernel_step, Why::interrupt>(false);
  } else if (trap::route<Origin::kernel_step, Why::interrupt>(true) == Action::switch_stack) {
    preempt(job, next);
  }
}

/// The same in the rare cases.
[[gnu::noinline]] void end_watched_interrupt(async::Local& local) {
  async::Job& job = *local.job;
  if (step_check_is_due()) check_step(job, trap::InterruptedStep{}.pc());
  if (local.spin_locks != 0) {
    local.preemption_held_back = true;
    return end_interrupt(job, false);
  }
  end_interrupt(job, local.executor->preempts(job.priority + step_time.slice_over));
}

}  // namespace
}  // namespace kernel

/// Called by trap/ on the interrupted step's stack, with interrupts masked. `claimed`: as in
/// trap_fast_path.h. After take_interrupts() it calls other functions only as its last act, so it
/// saves one register.
extern "C" void cotrap_kernel_interrupt(async::Interrupt* claimed) {
  using namespace kernel;
  take_interrupts(claimed);
  async::Local& local = async::platform::local();
  if constexpr (async::platform::checked) {
    if (local.leaf_locks != 0)
      async::platform::fail("an interrupt arrived while the hart held a leaf lock");
  }
  const async::Executor& executor = *local.executor;
  if (step_check_is_due() || local.spin_locks != 0 || executor.has_events()) [[unlikely]]
    return end_watched_interrupt(local);
  async::Job& job = *local.job;
  end_interrupt(job, executor.has_ready_above(job.priority + step_time.slice_over));
}
