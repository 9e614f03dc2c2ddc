// The calls that Linux does not have, from abi::first_private_call up.
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

/// Answers the caller's next `trips` system calls, whatever they are, with a constant and nothing
/// else, so that a program can measure what the way into the kernel and back costs by itself. Ends
/// early at anything that is not a system call. `handled` ones never wait; before each that is
/// `awaited` whoever is more urgent has its turn.
trap::Attempt<trap::Register> try_bare_trips(Thread&, unsigned trips, abi::Trips form);
async::Task<trap::Register> bare_trips(Thread&, unsigned trips, abi::Trips form);

/// The register that points to the caller's thread-local storage.
Result<> set_thread_pointer(Thread&, std::uintptr_t address);

/// What scheduling policies are told of the caller's work (abi/numbers.h).
Result<> hint_work(Thread&, std::uint64_t number, std::uint64_t deadline, std::uint64_t weight);

/// abi/shared_priority.h.
Result<> share_priority(Thread&, std::uintptr_t address);

// rings/calls.cpp: see abi/ring.h.

Result<> ring_set_up(Thread&, std::uintptr_t memory, std::uint32_t submissions,
                     std::uint32_t completions, std::uint32_t flags);
trap::Attempt<Result<std::uint32_t>> try_ring_enter(Thread&, std::uint32_t submit,
                                                    std::uint32_t complete, std::uint32_t flags);
async::Task<Result<std::uint32_t>> ring_enter(Thread&, std::uint32_t submit, std::uint32_t complete,
                                              std::uint32_t flags);
async::Task<Result<>> ring_close(Thread&);

// rings/upcall_calls.cpp: see abi/upcall.h.

Result<> upcall_set_up(Thread&, std::uintptr_t header, std::uintptr_t entry, unsigned contexts,
                       std::uint64_t user_data);
trap::Register upcall_resume(Thread&, std::uint64_t context, std::uint32_t open);
Result<> upcall_exception(Thread&, std::uint64_t context, UserPtr<abi::UpcallException> out);
Result<> upcall_drop(Thread&, std::uint64_t context);
Result<> upcall_die(Thread&, std::uint64_t context);
Result<> notify(Thread&, int thread, std::uint64_t bits);
Result<> notify_when(Thread&, int fd, std::uint64_t bits);

}  // namespace sys

/// abi::self_test: calls self_test_entry, which differs between the two kernels (self_tests.h).
trap::Register try_self_test(Thread&, const trap::UserContext&);
trap::WaitingCall self_test(Thread&, const trap::UserContext&);

using PrivateCallTable = trap::SyscallTable<Thread, 15>;

/// By number less abi::first_private_call.
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
