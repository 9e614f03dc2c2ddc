// Signals as interrupts and exceptions. A signal that arrives in a program can end run_user(), with
// all of the program's registers saved in its context.
//
//   program ──signal──▶ handler, on the hart's signal stack, with the kernel's fs
//                         take(signal): saves registers to the context, sets the return address
//                       returns ──▶ run_user returns Trap::interrupt, page_fault, …
//
// Handlers run with all signals blocked, so they do not nest. They are not instrumented for
// ThreadSanitizer ([[clang::disable_sanitizer_instrumentation]]), because a signal may interrupt
// its code.
#pragma once

#include <trap/trap.h>

#include <ucontext.h>
#include <csignal>
#include <cstdint>

namespace trap {

struct Signal {
  int number;
  const siginfo_t& info;
  ucontext_t& state;      ///< the registers that the handler returns to
  std::uint64_t fs_base;  ///< the fs base at the signal if it may be a program's, or 0
};

/// Installs `handler` for signal `number` in this process. Any thread, attached or not.
void handle_signal(int number, void (*handler)(Signal&));

enum class Taken : std::uint8_t {
  ends_run_user,  ///< it arrived in a program: return from the handler
  continues,  ///< it arrived in the window (window.inc), which continues: return from the handler.
              ///< An interrupt is recorded in HartRecord::pending.
  kernels,    ///< it arrived in the kernel: the handler must serve it
};

/// Decides where the signal arrived. Call it first in a handler. Any thread, attached or not.
Taken take(Signal& signal);

/// Whether the interrupted instruction itself caused the signal.
bool is_fault(const Signal& signal);
/// The signal as a trap, for reports of faults in the kernel.
Trap decode(const Signal& signal);

/// Makes Linux (from 5.11) raise SIGSYS for the `syscall` instructions of programs, for the calling
/// thread (prctl(2), PR_SET_SYSCALL_USER_DISPATCH). Then run_user() returns Trap::syscall with the
/// registers that the instruction leaves, also in programs that were not built for the gate. The
/// kernel's own system calls are not affected: see HartRecord::syscalls. `on` = false ends this.
/// Returns false if Linux does not support it, and under valgrind.
bool catch_syscall_instructions(bool on);

}  // namespace trap
