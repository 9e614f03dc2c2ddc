#include "sched/preemption.h"

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

/// Never inlined: it may run on another hart than the code before it, so thread_local addresses
/// must be computed again.
[[gnu::noinline]] void resume_preempted(const PreemptedContext& preempted,
                                        std::coroutine_handle<> interrupted) {
  stack_pool.go_back_to(preempted.stack, preempted.home);
  async::Executor::resume_preempted(preempted.job, interrupted);
  watch_step_again(preempted.time);
  preempted.step.resume_preempted();
}

/// Runs other jobs on the stack `next` until the executor resumes `job`, perhaps on another hart.
void preempt(async::Job& job, const trap::InterruptedStep& step, StackPool::Stack* next) {
  trap::StackContext context;
  const PreemptedContext preempted{.job = job,
                                   .stack = stack_pool.current(),
                                   .home = stack_pool,
                                   .time = step_time.stopped(),
                                   .step = step};
  context.interrupted = async::Executor::preempt(job, context.handle());
  step.preempt();
  stack_pool.go_to(next);
  trap::leave_stack(context, next->top, go_on_without_step);
  resume_preempted(preempted, context.interrupted);
}

}  // namespace

void begin_preemptible_step(bool continues) noexcept {
  if (continues) return stack_pool.prepare_to_go_back();  // resume_preempted() does the rest
  watch_step();
  hal::unmask_interrupts();
}

void take_interrupts_at_yield_point() noexcept {
  trap::route<Origin::yield_point, Why::interrupt>();
  take_interrupts();
  check_ended_step(async::platform::local().job);
}

}  // namespace kernel

/// Called by trap/ on the interrupted step's stack, with interrupts masked. `claimed`: as in
/// trap_fast_path.h.
extern "C" void cotrap_kernel_interrupt(async::Interrupt* claimed) {
  using namespace kernel;
  take_interrupts(claimed);
  async::Local& local = async::platform::local();
  if constexpr (async::platform::checked) {
    if (local.leaf_locks != 0)
      async::platform::fail("an interrupt arrived while the hart held a leaf lock");
  }
  async::Job& job = *local.job;
  const trap::InterruptedStep step;
  check_step(job, step.pc());
  StackPool::Stack* next = nullptr;
  if (local.spin_locks != 0) [[unlikely]] {
    local.preemption_held_back = true;
  } else if (local.executor->preempts(job.priority + step_time.slice_over)) {
    next = stack_pool.take();
  }
  if (trap::route<Origin::kernel_step, Why::interrupt>(next != nullptr) == Action::switch_stack) {
    preempt(job, step, next);
  }
}
