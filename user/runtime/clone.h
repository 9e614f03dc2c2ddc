// See clone.S.
#pragma once

#include <abi/flags.h>

namespace user {

/// Flags for threads that share a process. Callers add flags for the thread id and thread-local
/// storage.
inline constexpr unsigned long clone_thread_flags = abi::clone_vm | abi::clone_fs |
                                                    abi::clone_files | abi::clone_sighand |
                                                    abi::clone_thread | abi::clone_sysvsem;

}  // namespace user

extern "C" long cotrap_user_clone(unsigned long flags, void* stack_top, void* parent_tid,
                                  void* thread_pointer, void* child_tid, int (*entry)(void*),
                                  void* argument);
