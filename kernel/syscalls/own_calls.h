// The calls that Linux does not have, from abi::first_own_call up.
#pragma once

#include <abi/exercise.h>
#include <abi/numbers.h>
#include <async/async.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include "syscalls/user_arguments.h"

namespace kernel {

class Thread;

using OwnCallTable = trap::SyscallTable<Thread, 3>;
/// By number less abi::first_own_call.
extern const OwnCallTable own_calls;

namespace sys {

/// Answers the caller's next `trips` system calls, whatever they are, with a constant and nothing
/// else, so that a program can measure what the way into the kernel and back costs by itself. Ends
/// early at anything that is not a system call. `handled` ones never wait; before each that is
/// `awaited` whoever is more urgent has its turn.
trap::Attempt<trap::Register> try_bare_trips(Thread&, unsigned trips, abi::Trips form);
async::Task<trap::Register> bare_trips(Thread&, unsigned trips, abi::Trips form);

/// One of kernel/exercises/: what came of it goes into `words`, as much of it as there is room for.
/// EINVAL for what is none, or an argument that is too large.
trap::Attempt<Result<>> try_exercise(Thread&, abi::Exercise which, std::uint64_t argument,
                                     UserSpan<std::uint64_t> words);
async::Task<Result<>> exercise(Thread&, abi::Exercise which, std::uint64_t argument,
                               UserSpan<std::uint64_t> words);

/// The register that points to the caller's thread-local storage.
Result<> set_thread_pointer(Thread&, std::uintptr_t address);

}  // namespace sys

}  // namespace kernel
