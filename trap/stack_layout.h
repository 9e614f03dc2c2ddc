// The offset of a member of trap::StackContext, in bytes, for the assembly. stack_switch.h checks
// it.
#pragma once

#define STACK_SP 24
