#include "process/exit.h"

#include <abi/types.h>

#include "memory/user_memory.h"
#include "process/futex.h"
#include "process/pi_lock.h"
#include "process/thread.h"
#include "sched/running.h"

namespace kernel {
namespace {

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
void give_up_robust_mutexes(Thread& self) {
  if (self.robust_list == 0) return;
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

void announce_end(Thread& self) {
  if (self.clear_child_tid == 0) return;
  if (memory::UserPtr<std::int32_t>{self.clear_child_tid}.write(self.space(), 0)) {
    wake_one(self, self.clear_child_tid);
  }
}

}  // namespace

void exit_cleanup(Thread& self) {
  pi_lock::abandon_all(self);  // before the next line removes this thread's ID from the locks
  give_up_robust_mutexes(self);
  announce_end(self);
  self.release_vfork_waiter();
}

void end_thread(Thread& self) {
  pi_lock::abandon_all(self);  // locks for which threads began to wait after exit_cleanup()
  release_hart_state(self);
  self.process().remove_thread(self);
}

}  // namespace kernel
