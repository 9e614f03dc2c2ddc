// membarrier: memory barriers on all harts that run threads of a program, so that the program's
// frequent paths need none.
#include <abi/process.h>
#include <hal/hart.h>
#include <hal/remote.h>

#include <bit>

#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

/// An IPI for each hart: it also makes the hart drop instructions that it has fetched. A hart that
/// runs no program meanwhile has a barrier when it enters one.
void fence_all_harts() {
  async::platform::atomic_thread_fence(std::memory_order_seq_cst);
  if (!hal::smp_active()) return;
  const hal::HartMask others = hal::running_harts() & ~hal::mask_of(hal::hart_index());
  if (others != 0) hal::synchronize_code_remote(others);
}

/// EPERM: the program has not registered its intent.
Result<int> fence_own_harts(Thread& self, unsigned registration) {
  if ((self.space().barriers() & registration) == 0) return fail(Errno::eperm);
  self.space().fence_harts();
  return 0;
}

/// Each other thread of the process that is in a restartable sequence begins it anew, before this
/// returns or before the thread runs again. EPERM: the program has not registered its intent.
Result<int> restart_own_sequences(Thread& self) {
  constexpr int registration = abi::membarrier_register_private_expedited_rseq;
  if ((self.space().barriers() & registration) == 0) return fail(Errno::eperm);
  for (Thread& thread : self.process().threads()) {
    if (&thread != &self) thread.restart_sequence_soon();
  }
  return fence_own_harts(self, registration);  // waits until the harts have seen the interrupt
}

}  // namespace

/// flags: MEMBARRIER_CMD_QUERY, _GLOBAL, _GLOBAL_EXPEDITED, _PRIVATE_EXPEDITED,
///   _PRIVATE_EXPEDITED_SYNC_CORE, _PRIVATE_EXPEDITED_RSEQ, _GET_REGISTRATIONS and the
///   registrations; MEMBARRIER_CMD_FLAG_CPU; EINVAL for others
/// linux: The two global commands reach all harts. The command for restartable sequences reaches
///   all other threads of the process, also with MEMBARRIER_CMD_FLAG_CPU. It does not reach another
///   process that shares the memory.
Result<int> membarrier(Thread& self, int command, unsigned flags, int) {
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  const bool may_name_hart = command == abi::membarrier_private_expedited_rseq;
  if (flags != 0 && !(may_name_hart && flags == abi::membarrier_flag_cpu))
    return fail(Errno::einval);
  switch (command) {
    case abi::membarrier_query: return abi::membarrier_known;
    case abi::membarrier_global:
    case abi::membarrier_global_expedited: fence_all_harts(); return 0;
    case abi::membarrier_private_expedited:
      return fence_own_harts(self, abi::membarrier_register_private_expedited);
    case abi::membarrier_private_expedited_sync_core:
      return fence_own_harts(self, abi::membarrier_register_private_expedited_sync_core);
    case abi::membarrier_private_expedited_rseq: return restart_own_sequences(self);
    case abi::membarrier_register_global_expedited:
    case abi::membarrier_register_private_expedited:
    case abi::membarrier_register_private_expedited_rseq:
    case abi::membarrier_register_private_expedited_sync_core:
      self.space().add_barriers(static_cast<std::uint16_t>(command));
      return 0;
    case abi::membarrier_get_registrations: {
      // As on Linux, a registration for one private command shows that for the plain one, too.
      constexpr int special = abi::membarrier_register_private_expedited_sync_core |
                              abi::membarrier_register_private_expedited_rseq;
      const int known = self.space().barriers();
      return known | ((known & special) != 0 ? abi::membarrier_register_private_expedited : 0);
    }
    default: return fail(Errno::einval);
  }
}

}  // namespace sys

KERNEL_CALL(membarrier, sys::membarrier);

}  // namespace kernel
