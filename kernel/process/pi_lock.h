// Locks in user memory with priority inheritance: the holder runs with the priority of its waiters,
// and under a deadline policy with their deadline (futex(2), FUTEX_LOCK_PI; Linux,
// Documentation/locking/pi-futex.rst).
//
//   word     0 ◀───────▶ holder's thread ID      compare-and-swap, without a system call
//                                │
//                                ▼ another thread finds the lock held, and calls the kernel
//   word     holder's ID | futex_waiters         the holder must call the kernel to unlock
//   kernel   a PiLock while threads wait: an async::Mutex owned by the holder's job
//
// All of it runs in the strand. A program that writes other values into the word can make calls
// fail, and can leave its own waiters waiting.
#pragma once

#include <async/async.h>
#include <kernel/result.h>

#include "process/futex.h"

namespace kernel {

class Thread;

namespace pi_lock {

/// Tries to acquire the lock. True: `self` holds it now; false: another thread does. EDEADLK:
/// `self` holds it already. EINVAL: the word says free while threads wait in the kernel; EFAULT,
/// ENOMEM.
Result<bool> take(Thread& self, const Futex& futex);

/// Waits after take() has returned false, until `self` holds the lock. ETIMEDOUT: the deadline has
/// passed. EINTR: cancelled. EDEADLK: the holder waits for `self`, directly or through others, or
/// the chain of waits is too long to follow. ESRCH: the word names no thread that can hold it.
/// EINVAL: the word names a different holder than the PiLock. ENOMEM: also if the address space has
/// too many such locks with waiters.
async::Task<Result<int>> wait(Thread& self, Futex futex, async::Instant deadline);

/// Unlocks: the next waiter, if any, then holds the lock. EPERM: the word does not name `self` as
/// the holder. EINVAL: the PiLock has a different holder than the word. EFAULT, ENOMEM.
Result<int> give_back(Thread& self, const Futex& futex);

/// Whether the word names a thread that can hold the lock, or no thread. EFAULT, ENOMEM.
Result<bool> has_holder(const Futex& futex);

/// The number of locks with waiters.
inline constinit unsigned count = 0;

void abandon_those(Thread& self);  // abandon_all() calls this if `count` is not 0

/// Called when the thread ends or executes another program. Each lock that it holds goes to the
/// next waiter, and the word is marked with futex_owner_died.
inline void abandon_all(Thread& self) {
  if (count != 0) [[unlikely]]
    abandon_those(self);
}

}  // namespace pi_lock
}  // namespace kernel
