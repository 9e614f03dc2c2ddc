// Which function answers which system call.
#pragma once

#include <trap/syscall_table.h>

namespace kernel {

class Thread;

/// The entry for any number a program may come up with. What does not exist has an entry too: it
/// answers -ENOSYS and is logged the first time.
const trap::SyscallEntry<Thread>* find_syscall(std::uint64_t number);

}  // namespace kernel
