// The kernel's part of the trap shape `handler`: serves traps that need no waiting, and leaves the
// others to the thread's coroutine.
#include <abi/numbers.h>
#include <trap/handler.h>
#include <trap/router.h>
#include <trap/run_user.h>

#include "devices/interrupts.h"
#include "process/life.h"
#include "process/serve.h"
#include "sched/running.h"

namespace kernel {
namespace {

using trap::Origin;
using trap::Trap;
using trap::UserContext;
using trap::Why;

constexpr std::uint64_t back_to_program = 0;

/// Call this in the strand, after the trap has been served. Returns to the program, outside the
/// strand, or leaves the rest to the coroutine, still in the strand.
std::uint64_t return_to_user(Thread& self) {
  if (!may_return_to_user(self)) return trap::cause_of(Trap::call_answered);
  async::Strand::leave();
  return back_to_program;
}

std::uint64_t leave_to_coroutine(const UserContext& context) {
  async::Strand::leave();
  return context.last_cause();
}

/// Makes a system call. Leaves private calls to the coroutine: some of them call run_user(), and
/// this handler already runs inside such a call.
std::uint64_t answer(Thread& self, UserContext& context) {
  if (context.syscall_number() >= abi::first_private_call) return context.last_cause();
  async::Strand::enter();
  if (!serve_syscall(self, context)) return trap::cause_of(Trap::would_block);
  return return_to_user(self);
}

/// Takes interrupts. Leaves the rest to the coroutine if the time slice may be over, or if the
/// thread must not return to its program at once.
std::uint64_t interrupt(Thread& self, const UserContext& context, async::Interrupt* claimed) {
  take_interrupts(claimed);
  if (timeslice_tick_is_pending()) return context.last_cause();
  async::Strand::enter();
  if (!self.may_stay() || !may_return_to_user(self)) return leave_to_coroutine(context);
  trap::route<Origin::user, Why::interrupt>();
  async::Strand::leave();
  return back_to_program;
}

std::uint64_t exception(Thread& self, const UserContext& context, Trap trap) {
  async::Strand::enter();
  if (!serve_exception(self, trap)) return leave_to_coroutine(context);
  trap::route<Origin::user, Why::exception>();
  return return_to_user(self);
}

}  // namespace
}  // namespace kernel

constinit thread_local trap::TrapHandler trap::trap_handler = cotrap_handle_trap;

std::uint64_t cotrap_handle_trap(trap::UserContext& context, std::uint64_t cause,
                                 async::Interrupt* claimed) {
  using namespace kernel;
  Thread& self = running_thread();
  const Trap trap = trap::decode(cause, [] { return HAL_READ_CSR(HAL_CSR("tval")); });
  switch (trap.kind) {
    case Trap::syscall: return answer(self, context);
    case Trap::interrupt: return interrupt(self, context, claimed);
    default: return exception(self, context, trap);
  }
}
