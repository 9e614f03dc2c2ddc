// Which function answers which system call.
#pragma once

#include <trap/syscall_table.h>

namespace kernel {

class Thread;

using SyscallTable = trap::SyscallTable<Thread, 512>;
/// The one that answers: all_calls.h, unless somebody is to see all calls first. Set before there
/// are any.
extern constinit const SyscallTable* answering_syscalls;

/// The entry for any number a program may come up with. What does not exist answers -ENOSYS and is
/// logged the first time.
inline const trap::SyscallEntry<Thread>& find_syscall(std::uint64_t number) {
  return (*answering_syscalls)[number];
}

}  // namespace kernel
