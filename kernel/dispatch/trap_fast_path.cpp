#include <trap/fpu.h>
#include <trap/router.h>
#include <trap/run_user.h>
#include <trap/trap_fast_path.h>

#include "devices/interrupts.h"
#include "process/life.h"
#include "process/serve.h"
#include "sched/running.h"
#include "trace/points.h"

namespace kernel {
namespace {

using trap::Origin;
using trap::Trap;
using trap::UserContext;
using trap::Why;

constexpr std::uint64_t back_to_program = 0;

/// Called after interrupts were taken. Returns back_to_program, or `cause`: the coroutine decides,
/// because the time slice may be over, a more urgent job is ready, or the thread may not stay on
/// this hart.
[[gnu::always_inline]] inline std::uint64_t interrupt(Thread& self, std::uint64_t cause) {
  if (timeslice_tick_is_pending() || !self.may_stay()) return cause;
  const async::Executor& executor = async::current_executor();
  if (hal::smp_active()) [[unlikely]] {
    // Outside the strand this code may neither drain the inbox nor arm the timer.
    if (executor.has_events() || executor.has_ready_above(self.preempt_threshold() + 1) ||
        self.has_pending_flags())
      return cause;
  } else if (!may_return_to_user(self)) {
    return cause;
  }
  trap::route<Origin::user, Why::interrupt>();
  return back_to_program;
}

/// Loads the floating-point or vector registers that the program's instruction needs. Returns false
/// if it needs none, or if the kernel must first allocate memory to save them in.
[[gnu::noinline, gnu::cold]] bool try_load_registers(Thread& self, std::uint64_t cause) {
  const Trap trap = trap::decode_exception(self.context(), cause);
  return trap.kind == Trap::illegal_instruction &&
         trap::fpu::bytes_to_acquire(self.context(), trap) == 0 && load_registers(self, trap);
}

/// Serves a page fault, and the first use of floating-point or vector registers after another
/// thread has used them. Returns `cause` if the exception needs a wait or the strand, and
/// call_answered if the thread must not return to its program at once.
[[gnu::always_inline]] inline std::uint64_t exception(Thread& self, std::uint64_t cause) {
  const Trap trap = trap::decode_exception(self.context(), cause);
  if (trap.kind != Trap::page_fault) [[unlikely]] {
    if (self.has_pending_flags() || !try_load_registers(self, cause)) return cause;
  } else if (hal::smp_active()) [[unlikely]] {
    if (trace::is_on()) return cause;
    async::Strand::Sharing sharing;
    sharing.tell();
    if (!try_fault_sharing(self, trap)) return cause;
    if (self.has_pending_flags()) {
      sharing.keep();
      return trap::cause_of(Trap::call_answered);
    }
  } else {
    if (!serve_exception(self, trap)) return cause;
    if (!may_return_to_user(self)) return trap::cause_of(Trap::call_answered);
  }
  trap::route<Origin::user, Why::exception>();
  return back_to_program;
}

}  // namespace
}  // namespace kernel

// Both return `cause` if the context is not that of a thread's program.

std::uint64_t cotrap_serve_exception(trap::UserContext& context, std::uint64_t cause) {
  using namespace kernel;
  Thread& self = running_thread();
  return &self.context() == &context ? exception(self, cause) : cause;
}

std::uint64_t cotrap_serve_interrupt(trap::UserContext& context, std::uint64_t cause,
                                     async::Interrupt* claimed) {
  using namespace kernel;
  take_interrupts(claimed);
  Thread& self = running_thread();
  return &self.context() == &context ? interrupt(self, cause) : cause;
}
