// The calls that Linux does not have, from abi::first_private_call on. calls.h explains the lines
// `flags:`. The lines `cotrap:` say what a call does, and `only:` names the kernel that has it.
#pragma once

#include <abi/numbers.h>
#include <abi/upcall.h>
#include <async/async.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include "syscalls/unknown.h"
#include "syscalls/user_arguments.h"

namespace kernel {

class Thread;

namespace sys {

/// flags: Trips::handled, Trips::awaited
/// cotrap: Answers the caller's next `trips` system calls, whatever they are, with 0, so that a
///   program can measure the bare way into the kernel and back. It ends early at any trap that is
///   not a system call. `handled` trips never wait and end after 10,000; before each `awaited`
///   trip the kernel runs more urgent threads. ENOSYS where traps call a handler.
trap::Attempt<trap::Register> try_bare_trips(Thread&, unsigned trips, abi::Trips form);
async::Task<trap::Register> bare_trips(Thread&, unsigned trips, abi::Trips form);

/// cotrap: Sets the register that points to the caller's thread-local storage.
Result<> set_thread_pointer(Thread&, std::uintptr_t address);

/// cotrap: Tells the scheduling policy the deadline and the weight of the caller's present work.
///   EINVAL for a weight above `most_weight`.
Result<> hint_work(Thread&, std::uint64_t number, std::uint64_t deadline, std::uint64_t weight);

/// cotrap: Shares 8 bytes of memory in which the program's scheduler and the kernel's tell each
///   other how urgent their work is. Errors: EINVAL, EFAULT.
Result<> share_priority(Thread&, std::uintptr_t address);

// rings/calls.cpp: see abi/ring.h.

/// flags: ring_sqpoll; EINVAL for others
/// cotrap: Makes the calling thread's ring. Errors: EINVAL, EBUSY, EFAULT, ENOMEM.
Result<> ring_set_up(Thread&, std::uintptr_t memory, std::uint32_t submissions,
                     std::uint32_t completions, std::uint32_t flags);

/// flags: 0; EINVAL for others
/// cotrap: Takes submissions from the ring and waits for completions. Errors: ENXIO, EINVAL,
///   EFAULT.
trap::Attempt<Result<std::uint32_t>> try_ring_enter(Thread&, std::uint32_t submit,
                                                    std::uint32_t complete, std::uint32_t flags);
async::Task<Result<std::uint32_t>> ring_enter(Thread&, std::uint32_t submit, std::uint32_t complete,
                                              std::uint32_t flags);

/// cotrap: Cancels everything in the ring and gives it up. Errors: ENXIO.
async::Task<Result<>> ring_close(Thread&);

// rings/upcall_calls.cpp: see abi/upcall.h.

/// cotrap: From now on the thread takes upcalls. Errors: ENXIO, EBUSY, EINVAL, EFAULT, ENOMEM.
Result<> upcall_set_up(Thread&, std::uintptr_t header, std::uintptr_t entry, unsigned contexts,
                       std::uint64_t user_data);

/// flags: upcalls_open, upcalls_take_exceptions, upcalls_take_pages
/// cotrap: Resumes a context that the kernel keeps. Errors: EINVAL, EFAULT, ENXIO.
trap::Register upcall_resume(Thread&, std::uint64_t context, std::uint32_t open);

/// cotrap: Tells which exception stopped a context. Errors: EINVAL, EFAULT, ENXIO.
Result<> upcall_exception(Thread&, std::uint64_t context, UserPtr<abi::UpcallException> out);

/// cotrap: Gives up a context that the kernel keeps. Errors: EINVAL, ENXIO.
Result<> upcall_drop(Thread&, std::uint64_t context);

/// cotrap: Ends the program with the exception that stopped a context. Errors: EINVAL, ENXIO.
Result<> upcall_die(Thread&, std::uint64_t context);

/// cotrap: Sends notification bits to a thread. Errors: ESRCH, ENXIO.
Result<> notify(Thread&, int thread, std::uint64_t bits);

/// cotrap: Sends notification bits to the caller at each interrupt of a device. Errors: EBADF,
///   ENXIO, ENODEV, EBUSY.
Result<> notify_when(Thread&, int fd, std::uint64_t bits);

}  // namespace sys

/// abi::self_test: calls self_test_entry, which differs between the two kernels (self_tests.h).
/// cotrap: Starts the self-test that the caller names. EINVAL for an unknown one, EBUSY while
///   another one runs.
/// only: the kernel with self-tests (`--self-tests`); ENOSYS elsewhere
trap::Register try_self_test(Thread&, const trap::UserContext&);
trap::WaitingCall self_test(Thread&, const trap::UserContext&);

using PrivateCallTable = trap::SyscallTable<Thread, 15>;

/// Indexed by the number minus abi::first_private_call.
inline constexpr PrivateCallTable private_calls =
    PrivateCallTable{unknown_call}
        .with_registers<sys::try_bare_trips, sys::bare_trips>(0)
        .with_entry(1, {.now = try_self_test, .wait = self_test, .form = trap::CallForm::registers})
        .with_registers<sys::set_thread_pointer>(2)
        .with<sys::ring_set_up>(3)
        .with<sys::try_ring_enter, sys::ring_enter>(4)
        .with<sys::ring_close>(5)
        .with<sys::share_priority>(6)
        .with<sys::upcall_set_up>(7)
        .with_registers<sys::upcall_resume>(8)
        .with<sys::notify>(9)
        .with<sys::notify_when>(10)
        .with<sys::hint_work>(11)
        .with<sys::upcall_exception>(12)
        .with<sys::upcall_drop>(13)
        .with<sys::upcall_die>(14);

}  // namespace kernel
