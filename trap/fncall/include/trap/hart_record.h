// The data of a hart (a thread of the process) that the assembly needs while all registers hold
// user values. The assembly finds the record through fs, or through gs if fs is the program's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "../../context_layout.h"

namespace trap {

struct UserContext;

/// Only the hart writes to its record. `pending` is also written by signal handlers on the same
/// thread.
struct HartRecord {
  /// The context of the running program; null while the kernel runs. If it is not null, a signal
  /// outside the window belongs to the program (trap/signal.h).
  UserContext* context = nullptr;
  std::uint64_t user_rip = 0;  ///< operand of the jump into the program; saved by the gate
  std::uint64_t user_rsp = 0;

  // Where the kernel continues when the program traps, and two registers that a compiler may
  // reserve. run_user() declares all other registers clobbered.
  std::uint64_t kernel_rsp = 0;
  std::uint64_t kernel_rbp = 0;
  std::uint64_t kernel_rbx = 0;
  std::uint64_t kernel_pc = 0;

  std::uint64_t kernel_fs = 0;
  std::uint64_t loaded_gs = 0;  ///< the present gs base, in modes where gs is the program's

  /// Not 0: an interrupt arrived while the kernel ran, so the next run_user() returns
  /// Trap::interrupt without entering the program. The hart resets it when it finds no further
  /// pending interrupt (hal/hosted/interrupts.cpp).
  volatile std::uint32_t pending = 0;
  std::uint8_t fs_is_users = 0;
  /// Linux reads this byte before each system call (prctl(2), PR_SET_SYSCALL_USER_DISPATCH). It is
  /// 1 while a program runs: then a `syscall` instruction raises SIGSYS.
  volatile std::uint8_t syscalls = 0;

  // In the mode Segments::fault:
  std::uint64_t hidden_fs = 0;  ///< the fs base of programs: &cotrap_hart − HIDDEN_FS_DISTANCE
  std::uint64_t user_rax = 0;   ///< the program's rax while the code changes fs
  /// For iretq, which enters the program: rip, cs, rflags, rsp, ss.
  std::array<std::uint64_t, 5> return_frame{};
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
static_assert(offsetof(HartRecord, hidden_fs) == HART_HIDDEN_FS);
static_assert(offsetof(HartRecord, user_rax) == HART_USER_RAX);
static_assert(offsetof(HartRecord, return_frame) == HART_RETURN_FRAME);

/// This thread's record. It is a thread-local variable of the executable, so the assembly reaches
/// it at a constant offset from fs, independent of the C library.
extern "C" constinit thread_local HartRecord cotrap_hart;

}  // namespace trap
