// Exceptions in the kernel. Each is a bug of the kernel, because its code accesses user memory only
// through checked copies. The kernel reports it and stops the machine.
#pragma once

#include <trap/trap.h>
#include <trap/user_context.h>

namespace trap {

/// Reports the exception and stops. The kernel defines it. `stack_overflow`: the fault was in the
/// guard page of a kernel stack. Runs on the emergency stack with interrupts masked; must not
/// allocate.
[[noreturn]] void report_kernel_trap(const Trap& trap, const UserContext& registers,
                                     bool stack_overflow);

/// Sets this hart's trap vector. Call it once on each hart, before its first user program.
void install();

}  // namespace trap
