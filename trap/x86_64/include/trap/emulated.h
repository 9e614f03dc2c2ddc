// Under valgrind the processor, and Linux's signals, are what that makes of them. What is different
// there, and made good so that the kernel and programs of its own runtime run:
//
//   - instructions are read up to a page ahead of what is run: code is mapped as a whole
//     (hal::code_is_read_ahead);
//   - a signal's frame has no vector registers: cotrap_signal_entry adds them;
//   - a fault found before an instruction runs has no vector and no error code, and one of a push
//   or
//     a call has its stack pointer moved already: `complete`.
//
// What is not made good: a program's own `syscall` is the host's (trap/syscall_instruction.h), and
// the other registers are as they were at a faulting instruction only with valgrind's
// --px-default=allregs-at-mem-access, --px-file-backed=allregs-at-mem-access and
// --vex-guest-chase=no (which callgrind implies).
#pragma once

#include <trap/signal.h>

namespace trap {

bool is_emulated();

/// Under valgrind, first thing in a handler: makes of its frame what Linux would have made.
void complete(Signal& signal);

}  // namespace trap
