// What a hart (a thread of the process) has to find while user registers are live in all the
// registers there are: through fs, which is the kernel's, or through gs where fs is the program's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../../context_layout.h"

namespace trap {

struct UserContext;

/// Written by its own hart only; `pending` also by its signal handlers, which run on the same
/// thread.
struct HartRecord {
  /// The context whose program runs, and null in the kernel. With it, a signal is the program's if
  /// it came outside the window (trap/signal.h).
  UserContext* context = nullptr;
  std::uint64_t user_rip = 0;  ///< for the jump to it, and from the gate
  std::uint64_t user_rsp = 0;

  // Where the kernel goes on when the program traps, and the two registers that a compiler may have
  // reserved. All others are declared lost by run_user.
  std::uint64_t kernel_rsp = 0;
  std::uint64_t kernel_rbp = 0;
  std::uint64_t kernel_rbx = 0;
  std::uint64_t kernel_pc = 0;

  std::uint64_t kernel_fs = 0;
  std::uint64_t loaded_gs = 0;  ///< what gs has now, where gs is the program's

  /// Not 0: an interrupt came while the kernel ran, and the next run_user returns Trap::interrupt
  /// without entering. Whoever serves interrupts puts 0 here first.
  volatile std::uint32_t pending = 0;
  std::uint8_t fs_is_users = 0;
  /// Linux looks here before each system call (prctl(2), PR_SET_SYSCALL_USER_DISPATCH): 1 while a
  /// program runs, so that its `syscall` instructions become SIGSYS.
  volatile std::uint8_t syscalls = 0;
};

static_assert(offsetof(HartRecord, context) == HART_CONTEXT);
static_assert(offsetof(HartRecord, user_rip) == HART_USER_RIP);
static_assert(offsetof(HartRecord, user_rsp) == HART_USER_RSP);
static_assert(offsetof(HartRecord, kernel_rsp) == HART_KERNEL_RSP);
static_assert(offsetof(HartRecord, kernel_rbp) == HART_KERNEL_RBP);
static_assert(offsetof(HartRecord, kernel_rbx) == HART_KERNEL_RBX);
static_assert(offsetof(HartRecord, kernel_pc) == HART_KERNEL_PC);
static_assert(offsetof(HartRecord, kernel_fs) == HART_KERNEL_FS);
static_assert(offsetof(HartRecord, loaded_gs) == HART_LOADED_GS);
static_assert(offsetof(HartRecord, pending) == HART_PENDING);
static_assert(offsetof(HartRecord, fs_is_users) == HART_FS_IS_USERS);
static_assert(offsetof(HartRecord, syscalls) == HART_SYSCALLS);

/// This thread's. A plain thread-local variable of the executable: the assembly reaches it at a
/// constant distance from fs, without a register and without knowing anything of the C library.
extern "C" constinit thread_local HartRecord cotrap_hart;

}  // namespace trap
