// The table of system calls.
#pragma once

#include <trap/syscall_table.h>

namespace kernel {

class Thread;

using SyscallTable = trap::SyscallTable<Thread, 512>;
/// The table in use: all_calls.h's, or the tracer's, which records each call. Set before the first
/// program runs.
extern constinit const SyscallTable* answering_syscalls;

/// The entry for any number from a program. Unknown numbers answer ENOSYS, and each is logged once.
inline const trap::SyscallEntry<Thread>& find_syscall(std::uint64_t number) {
  return (*answering_syscalls)[number];
}

}  // namespace kernel
