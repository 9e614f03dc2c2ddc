// The table of private calls, which Linux does not have. Their numbers begin at
// abi::first_private_call. Private calls outside the table: syscalls/registered_calls.h. In the
// comments the line `cotrap:` says what a call does, and `only:` names the kernel that has it;
// syscalls/calls.h explains the line `flags:`.
#pragma once

#include <abi/numbers.h>
#include <trap/syscall_table.h>

#include "dispatch/dispatch.h"
#include "process/syscall_table.h"
#include "process/thread.h"
#include "rings/calls.h"
#include "syscalls/private_calls.h"

namespace kernel {

// The calls for tests and benchmarks. In the kernel with self-tests they do their work
// (self_tests/), in the other one they answer ENOSYS (no_self_tests.cpp).

/// flags: Trips::handled, Trips::awaited
/// cotrap: Answers the caller's next `trips` system calls, whatever they are, with 0, so that a
///   program can measure the bare way into the kernel and back. It ends early at any trap that is
///   not a system call. `handled` trips never wait and end after 10,000; before each `awaited`
///   trip the kernel runs more urgent threads. Where traps call a handler, it answers the `handled`
///   trips, and leaves the `awaited` ones.
/// only: the kernel with self-tests (`--self-tests`); ENOSYS elsewhere
trap::Register bare_trips(Thread&, const trap::UserContext&);

/// cotrap: Starts the self-test that the caller names. EINVAL for an unknown one, EBUSY while
///   another one runs.
/// only: the kernel with self-tests (`--self-tests`); ENOSYS elsewhere
trap::Register self_test(Thread&, const trap::UserContext&);

/// cotrap: Answers one of its seven arguments, so that a test can see how they are passed.
///   EINVAL for an index above 6.
/// only: the kernel with self-tests (`--self-tests`); ENOSYS elsewhere
trap::Register pick_argument(Thread&, const trap::UserContext&);

using PrivateCallTable = trap::SyscallTable<Thread, 16, trap::argument_registers>;

/// Indexed by the number minus abi::first_private_call. The calls below that are rare have no fast
/// path, which would only be more code.
inline constexpr PrivateCallTable private_calls =
    PrivateCallTable{unknown_call}
        .with_entry(0, {.answer = bare_trips, .form = trap::CallForm::no_fast_path})
        .with_entry(1, {.answer = self_test, .form = trap::CallForm::no_fast_path})
        .with_no_fast_path<sys::set_thread_pointer>(2)
        .with<sys::ring_set_up>(3)
        .with<sys::ring_enter>(4)
        .with<sys::ring_close>(5)
        .with<sys::share_priority>(6)
        .with<sys::upcall_set_up>(7)
        .with_no_fast_path<sys::upcall_resume>(8)
        .with<sys::notify>(9)
        .with<sys::notify_when>(10)
        .with_no_fast_path<sys::hint_work>(11)
        .with_no_fast_path<sys::upcall_exception>(12)
        .with_no_fast_path<sys::upcall_drop>(13)
        .with_no_fast_path<sys::upcall_die>(14)
        .with_entry(15, {.answer = pick_argument, .form = trap::CallForm::no_strand});

}  // namespace kernel
