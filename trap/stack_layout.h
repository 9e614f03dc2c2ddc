// Offset into trap::StackContext, in bytes, for the assembly. stack_switch.h asserts it.
#pragma once

#define STACK_SP 24
