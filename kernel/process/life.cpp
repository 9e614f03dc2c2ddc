#include "process/life.h"

#include <abi/types.h>
#include <trap/router.h>
#include <trap/run_user.h>
#include <trap/simulated_trap.h>

#include "devices/interrupts.h"
#include "memory/user_memory.h"
#include "process/exceptions.h"
#include "process/futex.h"
#include "process/page_in.h"
#include "process/pi_lock.h"
#include "process/serve.h"
#include "process/steps.h"
#include "process/syscall_table.h"
#include "process/thread.h"
#include "process/thread_ring.h"
#include "sched/running.h"
#include "trace/points.h"

namespace kernel {
namespace {

using trap::Origin;
using trap::Trap;
using trap::Why;

/// What the thread's system call waits for. If the handler has left nothing, the call is made again
/// from the registers.
trap::WaitingCall& awaited(Thread& self) {
  return awaited_call(self.waiting(), [&self] { return answer_syscall(self, self.context()); });
}

/// Called after interrupts have been taken: whether the thread goes to the end of its level's
/// queue, or to another hart. The check for more urgent jobs comes later, before the thread runs
/// again.
bool ends_timeslice(Thread& self) {
  const bool expired = timeslice_expired();
  if (expired) self.set_cpu_bound(true);
  const bool ends = expired || !self.may_stay();
  trap::route<Origin::user, Why::interrupt>(
      ends || async::current_executor().preempts(self.preempt_threshold() + 1));
  return ends;
}

/// Like may_return_to_user(), after a yield. The executor has just chosen `self`, so no ready job
/// is more urgent. If this returns false, may_return_to_user() decides.
[[gnu::noinline]] bool may_return_after_yield(Thread& self) {
  if (self.shared_priority() != 0 || self.has_pending_flags()) return false;
  return timeslice_is_armed() || !others_wait(self);
}

/// Returns false if the call has missed a page.
bool end_waiting(Thread& self, trap::Register result) {
  if (result == trap::would_block) [[unlikely]]
    return false;
  if (trace::is_on()) trace::note_result(result);
  self.context().set_syscall_result(result);
  on_wakeup(self);
  return true;
}

/// Makes a system call that had no fast path. Afterwards the step is in the strand or shares it.
/// Returns false if the call has to wait.
inline bool enter_and_serve(Thread& self, trap::UserContext& context) {
  if (hal::smp_active()) [[unlikely]] {
    if (const Trap::Kind served = serve_outside(self, context); served != Trap::syscall)
      return served == Trap::call_answered;
  }
  async::Strand::enter();
  return serve_syscall(self, context);
}

/// The end of a wait that began while this hart shared the strand. Afterwards the step still shares
/// the strand if the thread may return to user mode that way. If not `is_over`, it is in the
/// strand. It comes before any use of the thread's time accounts: if the thread was on another hart
/// before, that hart may charge it until this one is in the strand.
inline bool end_sharing_wait(Thread& self, bool is_over) {
  if ((!is_over || !may_prepare_sharing(self)) && async::Strand::is_shared()) [[unlikely]]
    async::Strand::stop_sharing();
  return is_over;
}
/// The same for the wait of a system call. Returns false if the call has missed a page.
inline bool end_sharing_call(Thread& self, trap::Register result) {
  const bool is_over = end_sharing_wait(self, result != trap::would_block);
  if (is_over) {
    self.context().set_syscall_result(result);
    on_wakeup(self);
  }
  return is_over;
}

/// Whether `self` can yield, and end its time slice, while this hart shares the strand. The step is
/// in the strand or shares it.
bool can_yield_sharing(const Thread& self) {
  return !self.has_pending_flags() && self.shared_priority() == 0 && self.may_stay() &&
         !async::current_executor().has_events() && may_end_timeslice_sharing(self);
}
/// Called after interrupts. Events that they have sent to this hart's jobs need the strand.
void enter_or_share(const Thread& self) {
  if (hal::smp_active() && !async::current_executor().has_events()) [[unlikely]] {
    async::Strand::Sharing sharing;
    if (can_yield_sharing(self)) return sharing.keep();
  }
  async::Strand::enter();
}
/// Returns whether the step shares the strand now.
bool try_to_share(const Thread& self) {
  if (!can_yield_sharing(self)) return false;
  if (!async::Strand::is_shared()) async::Strand::share_instead();
  return true;
}

/// Whether only the strand allows what follows the wait of a thread that has_shared_words():
/// exchange_priority() may change its level, and a sequence may have to begin again.
bool needs_strand_for_words(Thread& self) {
  self.note_preemption();
  return self.shared_priority() != 0 || self.has_pending_flags();
}

void wake_one(Thread& self, std::uintptr_t address) {
  if (const auto futex = Futex::at(self.space(), address)) futex->wake(1);
}

/// Marks a robust mutex as left by a dead owner and wakes one waiter
/// (Linux, Documentation/locking/robust-futex-ABI.rst).
void give_up_mutex(Thread& self, std::uintptr_t address) {
  const memory::UserPtr<std::uint32_t> word{address};
  const auto value = word.read(self.space());
  if (!value || (*value & abi::futex_tid_mask) != static_cast<std::uint32_t>(self.id())) return;
  const std::uint32_t orphaned = (*value & abi::futex_waiters) | abi::futex_owner_died;
  if (!word.write(self.space(), orphaned)) return;
  if ((*value & abi::futex_waiters) != 0) wake_one(self, address);
}

/// The list lies in the program's memory, so it may be broken or have a loop.
[[gnu::noinline]] void give_up_robust_mutexes(Thread& self) {
  const AddressSpace::WithoutWait now{self.space()};
  const auto head = memory::UserPtr<const abi::RobustListHead>{self.robust_list}.read(self.space());
  if (!head) return;
  constexpr int limit = 2048;
  // Bit 0 marks a PI lock (pi_lock.h). Its word is treated like that of any other mutex.
  const auto place_of = [](std::uintptr_t entry) { return entry & ~std::uintptr_t{1}; };
  const std::uintptr_t pending = place_of(head->pending);
  std::uintptr_t entry = place_of(head->list.next);
  for (int i = 0; i < limit && entry != self.robust_list; ++i) {
    const auto next = memory::UserPtr<const abi::RobustList>{entry}.read(self.space());
    if (entry != pending) give_up_mutex(self, entry + head->futex_offset);
    if (!next) break;
    entry = place_of(next->next);
  }
  if (pending != 0) give_up_mutex(self, pending + head->futex_offset);
}

/// Called by a thread that ends: if it is the last user of its address space, frees the pages.
/// Other harts may share the strand meanwhile. The process becomes a zombie only afterwards: a
/// parent that has waited for it finds neither its number nor its thread.
[[gnu::noinline]] void free_pages_sharing(Thread& self) {
  AddressSpace& space = self.space();
  if (!self.owns_space() || !space.is_quick_to_walk()) return;
  const async::Strand::SharedPart part{true};
  const hal::UserRange& range = space.user_range();
  (void)space.discard(range.begin(), range.end() - range.begin());
}

/// Returns false if the program has no such word.
bool clear_child_tid(Thread& self) {
  const AddressSpace::WithoutWait now{self.space()};
  return memory::UserPtr<std::int32_t>{self.clear_child_tid}.write(self.space(), 0).has_value();
}

void announce_end(Thread& self) {
  if (self.clear_child_tid != 0 && clear_child_tid(self)) wake_one(self, self.clear_child_tid);
}

/// announce_end() for a hart that shares the strand. Returns false if the end must be announced in
/// the strand.
bool announce_end_sharing(Thread& self) {
  const std::uintptr_t address = self.clear_child_tid;
  if (address == 0) return true;
  AddressSpace& space = self.space();
  const auto futex = Futex::at_sharing(space, address, self.owns_space());
  if (!futex || !memory::UserPtr<std::int32_t>{address}.write(space, 0)) return false;
  self.clear_child_tid = 0;  // from now on another thread may use the word
  if (futex->wake_sharing(1)) return true;
  async::Strand::stop_sharing();
  futex->wake(1);
  return false;
}

/// Whether the thread's list of robust mutexes is empty. C libraries set one at the start of each
/// thread. False also if the list cannot be read while the hart shares the strand.
bool has_no_robust_mutexes(Thread& self) {
  if (self.robust_list == 0) return true;
  const auto head = memory::UserPtr<const abi::RobustListHead>{self.robust_list}.read(self.space());
  return head && head->list.next == self.robust_list && head->pending == 0;
}

/// Whether `self`, which ends, has nothing that only a hart in the strand can end.
bool may_end_sharing(Thread& self) {
  return !self.has_rings() && self.syscall_counts() == nullptr && self.tracee() == nullptr &&
         has_no_robust_mutexes(self) && self.shared_priority() == 0 && !self.has_vfork_waiter() &&
         !self.work().is_counted() && pi_lock::count == 0 && !self.schedule().is_deadline() &&
         !async::current_executor().has_events() && may_prepare_sharing(self) &&
         (!self.process().has_one_thread() ||
          (self.process().may_end_sharing() && self.space().is_quick_to_walk()));
}

/// Frees the pages of a process whose last thread, `self`, ends. The other threads may have ended
/// since may_end_sharing(self). Returns false if the step must enter the strand for the end.
bool give_back_pages_sharing(Thread& self) {
  if (!self.process().has_one_thread()) return true;
  if (!self.process().may_end_sharing() || !self.space().is_quick_to_walk()) return false;
  const hal::UserRange& range = self.space().user_range();
  (void)self.space().discard(range.begin(), range.end() - range.begin());
  return true;
}

/// Ends `self` if its step shares the strand, and if that is enough. Otherwise returns false: the
/// step is in the strand, where the caller ends the thread.
[[gnu::noinline]] bool end_thread_sharing(Thread& self) {
  if (may_end_sharing(self) && announce_end_sharing(self) && give_back_pages_sharing(self)) {
    release_hart_state(self);
    if (self.process().remove_thread_sharing(self)) return true;
  }
  if (async::Strand::is_shared()) async::Strand::stop_sharing();
  return false;
}

}  // namespace

void exit_cleanup(Thread& self) {
  pi_lock::abandon_all(self);  // before the next line removes this thread's ID from the locks
  if (self.robust_list != 0) give_up_robust_mutexes(self);
  self.end_work();
  announce_end(self);
  self.release_vfork_waiter();
}

namespace {

/// Whether `self` is the last thread of a process that has changes of semaphores to undo.
bool must_undo(Thread& self) {
  return self.process().semaphore_undo() != nullptr && self.process().has_one_thread();
}

/// Whether `self` is the last thread of a process that is the only owner of very many descriptors.
bool has_many_files_alone(Thread& self) {
  Process& process = self.process();
  return process.has_one_thread() && process.files().is_large() && process.files().has_one_owner();
}

/// Like exit_cleanup(), for a thread that has rings, much memory, many files, or semaphores to
/// change: also closes the rings and files, frees the memory, and changes the semaphores. A
/// coroutine of its own, so that the frame of run_thread() stays small.
async::Task<> exit_cleanup_in_steps(Thread& self) {
  co_await self.close_rings();
  exit_cleanup(self);
  while (must_undo(self) && !self.process().semaphore_undo()->do_some())
    co_await sys::cond_resched(self);
  while (has_many_files_alone(self) && !self.process().files().close_some(FdTable::closed_in_step))
    co_await sys::cond_resched(self);
  if (has_large_memory_alone(self)) co_await give_back_memory(self);
}

}  // namespace

void end_thread(Thread& self) {
  if (hal::smp_active()) [[unlikely]]
    free_pages_sharing(self);
  pi_lock::abandon_all(self);  // locks for which threads began to wait after exit_cleanup()
  release_hart_state(self);
  self.process().remove_thread(self);
}

async::Task<> run_thread(Ref<Thread> thread) {
  Thread& self = *thread;
  if (trace::is_on()) self.note_in_trace();
  trap::simulate_trap<trap::Cause::first_instruction>(self.context());
  self.note_preemption();  // the area of a child names the hart of its parent
  if (hal::smp_active() && async::Strand::is_shared()) [[unlikely]] {
    if (self.hart == hal::hart_index()) self.space().begin_sharing();
    end_sharing_wait(self, true);
  }
  for (;;) {
    if (!may_return_to_user(self)) [[unlikely]] {
      if (save_hart_state(self) || (hal::smp_active() && try_to_share(self))) [[unlikely]] {
        if (self.is_ending()) break;
        if (self.has_shared_words() && needs_strand_for_words(self)) [[unlikely]] {
          async::Strand::stop_sharing();
        } else if (end_sharing_wait(self, co_await YieldSharing<Yields::to_front>{self})) {
          continue;
        }
      }
      co_await async::yield_if_preempted();
      if (self.has_shared_words()) [[unlikely]] {
        self.note_preemption();
        if (self.shared_priority() != 0) exchange_priority(self);
      }
      arm_timeslice(self);
      if (self.has_pending_flags()) [[unlikely]] {
        if (self.is_ending()) break;
        self.handle_pending_flags();
        if (self.is_ending()) break;  // a signal has ended the process
        if (self.is_held()) [[unlikely]] {
          self.waiting().fill([&self] { return self.await_release(); });
          (void)co_await self.waiting();
          self.note_preemption();
          continue;
        }
      }
    }
  may_return:
    prepare_to_run(self);
    async::Strand::leave();
    trap::UserContext& context = self.context();
    const Trap trap = trap::run_user(context);
    switch (trap.kind) {
      case Trap::syscall:
        if (enter_and_serve(self, context)) break;
        [[fallthrough]];
      case Trap::would_block:  // this hart already is in the strand, or shares it
        if (hal::smp_active()) [[unlikely]] {
          if (self.waiting().holds<async::YieldOp>() &&
              (async::Strand::is_shared() || try_to_share(self))) {
            save_registers(self);
            context.set_syscall_result(0);
            if (end_sharing_wait(self, co_await YieldSharing<Yields::hand_over>{self})) {
              self.waiting().take<async::YieldOp>();
              break;
            }
            save_hart_state(self);  // YieldSharing was refused: the thread yields in the strand
          } else if (save_hart_state(self)) {
            if (self.has_pending_flags()) [[unlikely]]
              self.refuse_wait_for_signals();
            if (end_sharing_call(self, co_await self.waiting())) break;
            goto missed_page;
          }
        }
        if (self.shared_priority() != 0) [[unlikely]]
          exchange_priority(self);
        if (self.waiting().holds<async::YieldOp>()) {
          co_await self.waiting().take<async::YieldOp>();
          self.context().set_syscall_result(0);
          if (may_return_after_yield(self)) [[likely]]
            goto may_return;
        } else {
          if (self.has_pending_flags()) [[unlikely]]
            self.refuse_wait_for_signals();
          if (end_waiting(self, co_await awaited(self))) break;
        missed_page:
          end_waiting(self, co_await finish_call(self, awaited(self)));
        }
        break;
      case Trap::call_answered: break;  // this hart already is in the strand, or shares it
      case Trap::interrupt:
        take_interrupts();  // before the wait for the strand: other harts can run the woken jobs
        enter_or_share(self);
        if (ends_timeslice(self)) {
          save_hart_state(self);
          if (hal::smp_active()) [[unlikely]] {
            bool begins = false;
            while (!begins && try_to_share(self) &&
                   end_sharing_wait(self, co_await YieldSharing<Yields::to_end>{self})) {
              begins = begins_timeslice(self);
            }
            self.note_preemption();
            if (end_sharing_wait(self, begins)) break;
          }
          co_await yield_timeslice(self);
          self.note_preemption();
        } else if (hal::smp_active()) {
          end_sharing_wait(self, true);
        }
        break;
      default:
        trap::route<Origin::user, Why::exception>();
        if (hal::smp_active() && serve_fault_sharing(self, trap)) [[unlikely]]
          break;
        async::Strand::enter();
        if (const auto served = serve_exception(self, trap); !served) [[unlikely]] {
          save_hart_state(self);
          if (self.ring() != nullptr && self.ring()->make_upcall(trap, served.error())) break;
          co_await resolve_or_kill(self, trap, served.error(), context.program_counter());
          self.note_preemption();
        }
    }
  }
  if (!async::Strand::is_shared() || !end_thread_sharing(self)) {
    if (self.has_rings() || has_large_memory_alone(self) || must_undo(self) ||
        has_many_files_alone(self)) [[unlikely]] {
      // Awaited in place of a call: a coroutine of its own would enlarge the frame of each thread.
      self.waiting().fill([&self] { return exit_cleanup_in_steps(self); });
      (void)co_await self.waiting();
    } else {
      exit_cleanup(self);
    }
    end_thread(self);
  }
  self.set_job(nullptr);
}

}  // namespace kernel
