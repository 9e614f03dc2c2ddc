// Running under valgrind, which emulates the processor and Linux's signals. To run the kernel and
// programs built for it, the kernel handles these differences:
//
//   - valgrind reads instructions up to a page ahead of execution: code areas are mapped as a
//     whole (hal::code_is_read_ahead);
//   - a signal frame has no vector registers: cotrap_signal_entry adds them;
//   - a fault found before an instruction runs has no vector number and no error code: `complete`
//     adds them;
//   - at a fault of a push or call, the stack pointer has already changed, and at a fault of a
//     repeated string instruction, rcx: `complete` restores them.
//
// Not handled: a program's own `syscall` is a call of the host (trap/signal.h). The other registers
// are correct at a faulting instruction only with valgrind's options
// --px-default=allregs-at-mem-access, --px-file-backed=allregs-at-mem-access and
// --vex-guest-chase=no (implied by callgrind).
#pragma once

#include <trap/signal.h>

namespace trap {

bool is_emulated();

/// Changes a signal frame of valgrind to what Linux would have provided. Call it first in a
/// handler.
void complete(Signal& signal);

}  // namespace trap
