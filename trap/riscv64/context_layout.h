// Offsets of the members of trap::UserContext, in bytes, for the assembly. user_context.h checks
// each.
#pragma once

#include "../fast_path_layout.h"

#define CONTEXT_X(n) ((n) * 8)
#define CONTEXT_PC 256
#define CONTEXT_CAUSE 264
#define CONTEXT_KERNEL_SP 272
#define CONTEXT_KERNEL_TP 280
#define CONTEXT_KERNEL_PC 288
#define CONTEXT_FCSR 296
#define CONTEXT_F(n) (304 + (n) * 8)
#define CONTEXT_USER_TRANSLATION 560
#define CONTEXT_KERNEL_TRANSLATION 568
#define CONTEXT_VECTORS 576
#define CONTEXT_SIZE 584

// Offsets of the members of trap::VectorState (vector_state.h).
#define VECTORS_VSTART 0
#define VECTORS_VL 8
#define VECTORS_VTYPE 16
#define VECTORS_VCSR 24
#define VECTORS_REGISTERS 32

// scause of a system call (ecall from user mode).
#define SYSCALL_CAUSE 8

// Offsets of the members of trap::CheckRegisters (check_registers.h).
#define CHECK_SELF 0
#define CHECK_SP 8
#define CHECK_SEED 16
#define CHECK_ROUNDS 24
#define CHECK_STOP 32
#define CHECK_UNTIL 40
