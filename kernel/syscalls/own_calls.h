// The calls that Linux does not have, from abi::first_own_call up.
#pragma once

#include <abi/numbers.h>
#include <trap/syscall_table.h>

namespace kernel {

class Thread;

using OwnCallTable = trap::SyscallTable<Thread, 1>;
/// By number less abi::first_own_call.
extern const OwnCallTable own_calls;

namespace sys {

/// Answers the caller's next `trips` system calls, whatever they are, with a constant and nothing
/// else, so that a program can measure what the way into the kernel and back costs by itself. Ends
/// early at anything that is not a system call. Never waits.
trap::Register bare_trips(Thread&, unsigned trips);

}  // namespace sys

}  // namespace kernel
