// The table of system calls.
#pragma once

#include <trap/syscall_table.h>

namespace kernel {

class Thread;

using SyscallTable = trap::SyscallTable<Thread, 512>;
/// The table in use. start_system_calls() sets it before the first program runs.
inline constinit const SyscallTable* answering_syscalls = nullptr;

/// The entry for any number from a program. Unknown numbers answer ENOSYS, and each is logged once.
inline const trap::SyscallEntry<Thread>& find_syscall(std::uint64_t number) {
  return (*answering_syscalls)[number];
}

}  // namespace kernel
