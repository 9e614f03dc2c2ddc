// futex(). The fast path answers its most frequent form without a function call: a private wake of
// a word without waiters.
#pragma once

#include <abi/flags.h>
#include <kernel/result.h>

#include <cstdint>

#include "process/futex.h"
#include "process/syscall_table.h"
#include "process/thread.h"
#include "syscalls/outside.h"

namespace kernel::sys {

/// Handles all operations except a private FUTEX_WAKE at an address that may hold a futex. With
/// `shares` only FUTEX_WAIT, FUTEX_WAIT_BITSET and a FUTEX_WAKE of one thread.
template <bool shares>
trap::Answer<Result<int>> any_futex(Thread&, std::uintptr_t address, int operation,
                                    std::uint32_t value, std::uintptr_t timeout,
                                    std::uintptr_t address2, std::uint32_t value3);

/// flags: FUTEX_WAIT, FUTEX_WAKE, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_LOCK_PI,
///   FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET,
///   each with FUTEX_PRIVATE_FLAG; FUTEX_LOCK_PI2 and FUTEX_WAIT_BITSET also with
///   FUTEX_CLOCK_REALTIME; ENOSYS for others
/// linux: FUTEX_WAKE_OP, FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI fail with ENOSYS. A requeue
///   between two memory objects wakes the waiters instead of moving them. A chain of more than 16
///   lock holders fails with EDEADLK. A program waits for 256 priority-inheriting locks at most;
///   more fails with ENOMEM.
template <bool shares = false>
inline trap::Answer<Result<int>> futex(Thread& self, std::uintptr_t address, int operation,
                                       std::uint32_t value, std::uintptr_t timeout,
                                       std::uintptr_t address2, std::uint32_t value3) {
  constexpr int private_wake = abi::futex_wake | abi::futex_private_flag;
  memory::AddressSpace& space = self.space();
  if (operation == private_wake && Futex::may_be_at(space, address)) {
    const Futex futex = Futex::own(space, address);
    if constexpr (!shares) return futex.wake(static_cast<int>(value));
    if (!futex.may_have_waiters()) return 0;
    if (!outside::may_wake_sharing()) return fail(Errno::would_block);
    const async::Strand::Sharing sharing;
    return futex.wake_sharing(static_cast<int>(value));
  }
  return any_futex<shares>(self, address, operation, value, timeout, address2, value3);
}

}  // namespace kernel::sys
