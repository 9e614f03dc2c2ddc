// The kernel stack in use on this hart. The kernel sets it at each change of stacks. On riscv64 the
// entry of a kernel trap reads it: it stores registers on the interrupted stack only if the stack
// pointer is inside.
#pragma once

#include <hal/kernel_map.h>

#include <cstddef>

#include "../../stack_layout.h"

namespace trap {

/// Not null once interrupts are unmasked in the kernel.
extern constinit thread_local const hal::KernelStack* current_stack asm("cotrap_current_stack");
static_assert(offsetof(hal::KernelStack, bottom) == STACK_BOTTOM);
static_assert(offsetof(hal::KernelStack, top) == STACK_TOP);

}  // namespace trap
