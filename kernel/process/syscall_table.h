// The table of system calls.
#pragma once

#include <trap/syscall_table.h>

namespace kernel {

class Thread;

using SyscallTable = trap::SyscallTable<Thread, 512>;
/// The table in use. start_system_calls() sets it before the first program runs. Every call reads
/// this, so no data that harts write is in its cache line.
struct alignas(64) AnsweringSyscalls {
  const SyscallTable* table = nullptr;
};
inline constinit AnsweringSyscalls answering_syscalls;

/// Calls the handler of the system call in `context`. Unknown numbers answer ENOSYS, and each is
/// logged once.
inline trap::Register answer_syscall(Thread& self, const trap::UserContext& context) {
  return (*answering_syscalls.table)[context.syscall_number()].answer(self, context);
}

}  // namespace kernel
