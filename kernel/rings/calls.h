// The private calls of rings and upcalls. dispatch/private_calls.h has the table, and explains the
// lines `cotrap:`; syscalls/calls.h explains the lines `flags:`.
#pragma once

#include <abi/upcall.h>
#include <async/async.h>
#include <kernel/result.h>

#include "process/syscall_table.h"

namespace kernel {
class Thread;
}

namespace kernel::sys {

// rings/calls.cpp: see abi/ring.h.

/// flags: ring_sqpoll; EINVAL for others
/// cotrap: Makes the calling thread's ring. Errors: EINVAL, EBUSY, EFAULT, ENOMEM.
Result<> ring_set_up(Thread&, std::uintptr_t memory, std::uint32_t submissions,
                     std::uint32_t completions, std::uint32_t flags);

/// flags: 0; EINVAL for others
/// cotrap: Takes submissions from the ring and waits for completions. Errors: ENXIO, EINVAL,
///   EFAULT.
trap::Answer<Result<std::uint32_t>> ring_enter(Thread&, std::uint32_t submit,
                                               std::uint32_t complete, std::uint32_t flags);

/// cotrap: Cancels everything in the ring and gives it up. Errors: ENXIO.
async::Task<Result<>> ring_close(Thread&);

// rings/upcall_calls.cpp: see abi/upcall.h.

/// cotrap: From now on the thread takes upcalls. Errors: ENXIO, EBUSY, EINVAL, EFAULT, ENOMEM.
Result<> upcall_set_up(Thread&, std::uintptr_t header, std::uintptr_t entry, unsigned contexts,
                       std::uint64_t user_data);

/// flags: upcalls_open, upcalls_take_exceptions, upcalls_take_pages
/// cotrap: Resumes a context that the kernel keeps. Errors: EINVAL, EFAULT, ENXIO.
trap::Register upcall_resume(Thread&, std::uint64_t context, std::uint32_t open);

/// flags: upcalls_open, upcalls_take_exceptions, upcalls_take_pages
/// cotrap: Resumes a context that the kernel keeps for another thread of the process. Errors:
///   ESRCH, EINVAL, EFAULT, ENXIO.
trap::Register upcall_resume_of(Thread&, int thread, std::uint64_t context, std::uint32_t open);

/// cotrap: Tells which exception stopped a context. Errors: EINVAL, EFAULT, ENXIO.
Result<> upcall_exception(Thread&, std::uint64_t context, UserPtr<abi::UpcallException> out);

/// cotrap: Gives up a context that the kernel keeps. Errors: EINVAL, ENXIO.
Result<> upcall_drop(Thread&, std::uint64_t context);

/// cotrap: Ends the program with the exception that stopped a context. Errors: EINVAL, ENXIO.
Result<> upcall_die(Thread&, std::uint64_t context);

/// cotrap: Sends notification bits to a thread. ESRCH: there is no such thread, or it is ending.
///   ENXIO: the thread takes no upcalls.
Result<> notify(Thread&, int thread, std::uint64_t bits);

/// cotrap: Sends notification bits to the caller at each interrupt of a device. Errors: EBADF,
///   ENXIO, ENODEV, EBUSY.
Result<> notify_when(Thread&, int fd, std::uint64_t bits);

}  // namespace kernel::sys
