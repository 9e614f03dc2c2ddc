// A trap taken in the kernel: always a bug of the kernel's (its code touches user memory only
// through checked copies), so it is reported and the machine stops.
#pragma once

#include <trap/trap.h>
#include <trap/user_context.h>

namespace trap {

/// What is done about it; supplied by the kernel. `stack_overflow` tells that the stack's guard
/// page was hit. Runs on a stack of its own with interrupts masked; must not allocate.
[[noreturn]] void report_kernel_trap(const Trap& trap, const UserContext& registers,
                                     bool stack_overflow);

/// Points this hart's trap vector at the entry code. Once a hart, before its first user program.
void install();

}  // namespace trap
