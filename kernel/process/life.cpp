#include "process/life.h"

#include <trap/router.h>
#include <trap/run_user.h>

#include "devices/interrupts.h"
#include "process/exceptions.h"
#include "process/exit.h"
#include "process/large_memory.h"
#include "process/page_fetch.h"
#include "process/running.h"
#include "process/serve.h"
#include "process/thread.h"
#include "rings/upcalls.h"
#include "syscalls/table.h"
#include "trace/points.h"

namespace kernel {
namespace {

using trap::Origin;
using trap::Trap;
using trap::Why;

/// After interrupts have been taken: whether the thread goes to the end of its line, or to another
/// hart. To those more urgent it gives way before it runs again.
bool ends_turn(Thread& self) {
  const bool turn_over = take_end_of_turn();
  if (turn_over) self.set_computing(true);
  const bool ends = turn_over || !self.may_stay();
  trap::route<Origin::user, Why::interrupt>(
      ends || async::current_executor().preempts(self.turn_level() + 1));
  return ends;
}

/// Whether the program, which cannot go on here, has other things to do (abi/upcall.h).
bool leave_in_exception(Thread& self, Trap trap, Errno why) {
  Upcalls* const upcalls = self.ring() != nullptr ? self.ring()->upcalls() : nullptr;
  return upcalls != nullptr && upcalls->leave(trap, why);
}

async::Task<trap::Register> give_way() {
  co_await async::yield();
  co_return 0;
}

/// A call has come upon a page that has to be fetched.
async::Task<trap::Register> call_again(Thread& self) {
  const auto& call = find_syscall(self.context().syscall_number());
  const auto now = [&] { return call.now(self, self.context()); };
  const auto wait = [&] {
    return call.wait != nullptr ? call.wait(self, self.context()) : trap::WaitingCall{give_way()};
  };
  co_return co_await call_again(self.space(), now, wait);
}

trap::WaitingCall begin_again(Thread& self, const trap::UserContext&) {
  return trap::WaitingCall{call_again(self)};
}

/// What a call has to wait by. Null: it only gives way.
trap::SyscallEntry<Thread>::Wait waiting_form(Thread& self) {
  if (self.space().awaits_page()) [[unlikely]]
    return begin_again;
  return find_syscall(self.context().syscall_number()).wait;
}

/// False: it waits once more, for a page.
bool end_waiting(Thread& self, trap::Register result) {
  if (result == trap::must_wait) [[unlikely]] {
    self.space().await_some_page();
    return false;
  }
  self.context().set_syscall_result(result);
  note_rest(self);
  return true;
}

}  // namespace

async::Task<> thread_life(Ref<Thread> thread) {
  Thread& self = *thread;
  trap::UserContext& context = self.context();
  trap::route<Origin::yield_point, Why::voluntary>();
  if (trace::is_on()) trace::note_thread(self);
  for (;;) {
    if (!may_go_on(self)) [[unlikely]] {
      let_go(self);
      co_await async::yield_if_preempted();
      if (self.shared_priority() != 0) exchange_priority(self);
      limit_turn(self);
      if (self.is_ending()) break;
      if (self.take_news()) self.ring()->upcalls()->tell();
      if (self.take(Thread::has_attributes)) self.tell_policy();
    }
    prepare_to_run(self);
    async::Strand::leave();
    const Trap trap = trap::run_user(context);
    switch (trap.kind) {
      case Trap::syscall:
        async::Strand::enter();
        if (serve_syscall(self, context)) break;
        [[fallthrough]];
      case Trap::call_waits:  // the first stage has entered the strand
      case Trap::call_gives_way:
        let_go(self);
        if (self.shared_priority() != 0) [[unlikely]]
          exchange_priority(self);
        if (auto wait = trap.kind == Trap::call_gives_way ? nullptr : waiting_form(self);
            wait == nullptr) {
          co_await async::yield();
          context.set_syscall_result(0);
        } else {
          while (!end_waiting(self, co_await wait(self, context))) wait = waiting_form(self);
        }
        break;
      case Trap::call_answered: break;  // likewise
      case Trap::interrupt:
        take_interrupts();  // whoever it wakes need not wait for the strand
        async::Strand::enter();
        if (ends_turn(self)) {
          let_go(self);
          co_await pass_turn(self);
        }
        break;
      default:
        async::Strand::enter();
        trap::route<Origin::user, Why::exception>();
        if (const auto served = serve_exception(self, trap); !served) [[unlikely]] {
          let_go(self);
          if (leave_in_exception(self, trap, served.error())) break;
          co_await mend_or_die(self, trap, served.error(), context.program_counter());
        }
    }
  }
  if (self.ring() != nullptr) [[unlikely]]
    co_await close_ring(self);
  say_farewell(self);
  if (has_large_memory_alone(self)) [[unlikely]]
    co_await give_back_memory(self);
  end_thread(self);
  self.job_ = nullptr;
}

}  // namespace kernel
