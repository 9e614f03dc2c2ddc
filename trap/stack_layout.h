// Offsets in bytes, for the assembly.
#pragma once

// Of the member of trap::StackContext. stack_switch.h checks it.
#define STACK_SP 24

// Of the members of hal::KernelStack. current_stack.h checks them.
#define STACK_BOTTOM 0
#define STACK_TOP 8

// The bytes that an interrupt of a step stores on the step's stack.
#define INTERRUPT_FRAME_SIZE 128
