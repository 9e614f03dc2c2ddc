// Signals are this machine's interrupts and exceptions. A signal that comes upon a program can be
// turned into a return of run_user, with all of the program's registers in its context.
//
//   program ──signal──▶ its handler, on the hart's signal stack, with the kernel's fs
//                         take(signal): registers ──▶ context; where to return to := the window
//                       returns ──▶ run_user returns Trap::interrupt, page_fault, …
//
// Handlers run with all signals blocked, so one does not come upon another. With ThreadSanitizer
// they are not instrumented ([[clang::disable_sanitizer_instrumentation]]): a signal may come upon
// its own code.
#pragma once

#include <trap/trap.h>

#include <ucontext.h>
#include <csignal>
#include <cstdint>

namespace trap {

struct Signal {
  int number;
  const siginfo_t& info;
  ucontext_t& state;      ///< what is returned to
  std::uint64_t fs_base;  ///< as it was, where that may have been a program's
};

/// For this process: `handler` takes signal `number`. May be called on any thread, attached or not.
void handle_signal(int number, void (*handler)(Signal&));

enum class Taken : std::uint8_t {
  ends_run_user,  ///< it was a program's: nothing more to do than to return from the handler
  goes_on,  ///< it came in the window, which ends by itself: return from the handler. An interrupt
            ///< is noted in the hart's `pending`.
  kernels,  ///< it came upon the kernel: still to be served
};

/// Decides whose signal it is. First thing in a handler, on an attached thread or any other.
Taken take(Signal& signal);

/// Raised by what the program or the kernel did itself, at `state`'s instruction.
bool is_fault(const Signal& signal);
/// What it would be as a trap: for reports about the kernel's own faults.
Trap decode(const Signal& signal);

}  // namespace trap
