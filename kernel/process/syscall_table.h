// The table of system calls, and the types of their arguments: an address for a UserPtr, an address
// and a count for a UserSpan.
#pragma once

#include <async/shared_word.h>
#include <trap/syscall_table.h>

#include "memory/user_memory.h"

template <class T>
struct trap::FromRegisters<kernel::memory::UserPtr<T>> {
  static constexpr std::size_t count = 1;
  static kernel::memory::UserPtr<T> decode(const Register* in) {
    return kernel::memory::UserPtr<T>{in[0]};
  }
};

template <class T>
struct trap::FromRegisters<kernel::memory::UserSpan<T>> {
  static constexpr std::size_t count = 2;
  static kernel::memory::UserSpan<T> decode(const Register* in) { return {in[0], in[1]}; }
};

namespace kernel {

class Thread;

using SyscallTable = trap::SyscallTable<Thread, 512>;
/// The table in use. start_system_calls() sets it before other harts start, and count_syscalls()
/// changes it in the strand. Every call reads this, so no data that harts write often is in its
/// cache line. The tables themselves never change after start_system_calls(). So a hart may read
/// the word in any order. A call that is made again after a page-in may use another table than at
/// first.
struct alignas(64) AnsweringSyscalls {
  async::SharedWord<const SyscallTable*> table = nullptr;
};
inline constinit AnsweringSyscalls answering_syscalls;

/// Calls the handler of the system call in `context`. Unknown numbers answer ENOSYS, and each is
/// logged once.
inline trap::Register answer_syscall(Thread& self, const trap::UserContext& context) {
  return (*answering_syscalls.table)[context.syscall_number()].answer(self, context);
}

}  // namespace kernel
