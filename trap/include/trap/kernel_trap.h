// Exceptions in the kernel. Each is a bug of the kernel, because its code accesses user memory only
// through checked copies. The kernel reports it and stops the machine.
#pragma once

#include <trap/trap.h>
#include <trap/user_context.h>

namespace trap {

/// Reports the exception and stops. The kernel defines it. An interrupt is reported if the stack
/// pointer was outside its stack. `stack_overflow`: the fault was in the guard page of a kernel
/// stack, or the interrupt would have stored registers there. Runs with interrupts masked, on the
/// hart's emergency stack (on the hosted machine its signal stack); must not allocate.
[[noreturn]] void report_kernel_trap(const Trap& trap, const UserContext& registers,
                                     bool stack_overflow);

/// Sets this hart's trap vector. Call it on each hart before the hart's first user program. A
/// second call changes nothing.
void install();

}  // namespace trap
