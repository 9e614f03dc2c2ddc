// Locks in user memory whose holders run with the priority of who waits for them, and, under a
// policy of deadlines, with their deadline (futex(2), FUTEX_LOCK_PI; Linux,
// Documentation/locking/pi-futex.rst).
//
//   word     0 ◀───────▶ holder's thread ID      compare-and-swap; the kernel is not asked
//                                │
//                                ▼ somebody finds it taken, and asks
//   word     holder's ID | futex_waiters         the holder will ask, too: it is handed over
//   kernel   a PiLock, until nobody waits: an async::Mutex that the holder's job has
//
// In the strand. What the program writes into the word meanwhile can make calls fail, and leave
// those who wait for the lock waiting.
#pragma once

#include <async/async.h>
#include <kernel/result.h>

#include "process/futex.h"

namespace kernel {

class Thread;

namespace pi_lock {

/// Of a lock that nobody has. True: `self` has it now; false: another one has it. EDEADLK: `self`
/// itself has. EFAULT, EINVAL: the word is not what it was left.
Result<bool> take(Thread& self, const Futex& futex);

/// After a `take` that was false: waits until it has it, or the deadline has passed (ETIMEDOUT), or
/// it is cancelled (EINTR). EDEADLK: the holder waits for `self`, maybe by way of others, or for
/// too many. ESRCH: there is no such holder. ENOMEM: also for too many locks that are waited for.
async::Task<Result<int>> wait(Thread& self, Futex futex, async::Instant deadline);

/// EPERM where `self` has it not.
Result<int> give_back(Thread& self, const Futex& futex);

/// How many locks are waited for.
inline constinit unsigned count = 0;

void abandon_those(Thread& self);  // there are some

/// The thread or its program ends. Who waits for a lock that it has gets it, marked with
/// futex_owner_died.
inline void abandon_all(Thread& self) {
  if (count != 0) [[unlikely]]
    abandon_those(self);
}

}  // namespace pi_lock
}  // namespace kernel
