// Offsets of the members of trap::UserContext, in bytes, for the assembly. user_context.h checks
// each.
#pragma once

#include "../fast_path_layout.h"
#include "../x86_64/state_layout.h"

#define CONTEXT_RAX 0
#define CONTEXT_RBX 8
#define CONTEXT_RCX 16
#define CONTEXT_RDX 24
#define CONTEXT_RSI 32
#define CONTEXT_RDI 40
#define CONTEXT_RBP 48
#define CONTEXT_R(n) (n * 8 - 8) /* r8 … r15: a literal number */
#define CONTEXT_FSBASE 120
#define CONTEXT_GSBASE 128
#define CONTEXT_NUMBER 136
#define CONTEXT_KERNEL_RSP 144
#define CONTEXT_KERNEL_FS 152
// When an interrupt or an exception stops the program, the processor pushes from CONTEXT_FRAME_END
// down to CONTEXT_RIP. The gate pushes the error code, if the processor did not, and the cause.
#define CONTEXT_CAUSE 168
#define CONTEXT_ERROR_CODE 176
#define CONTEXT_RIP 184
#define CONTEXT_CS 192
#define CONTEXT_RFLAGS 200
#define CONTEXT_RSP 208
#define CONTEXT_SS 216
#define CONTEXT_FRAME_END 224
#define CONTEXT_ALIGNMENT 16

// UserContext::cause after a trap that is neither an exception nor an interrupt. Their causes are
// their vectors.
#define CAUSE_SYSCALL 0x100
#define CAUSE_PENDING 0x101
// Instead of the vector 0, which would say that the fast path has served the exception. No
// exception has the vector 31.
#define CAUSE_DIVIDE_ERROR 31

// A call with this bit in rax has a number of Cotrap's. One without it has a number of Linux's for
// x86_64.
#define NATIVE_CALL_BIT 30

// The numbers of Linux's calls for x86_64 are below this.
#define COMPAT_CALLS 512
#define FIRST_COMPAT_CALL 0x2000
