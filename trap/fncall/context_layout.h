// Offsets of members of trap::UserContext and trap::HartRecord, in bytes, for the assembly. Their
// headers check each.
#pragma once

#include "../x86_64/state_layout.h"

#define CONTEXT_RAX 0
#define CONTEXT_RBX 8
#define CONTEXT_RCX 16
#define CONTEXT_RDX 24
#define CONTEXT_RSI 32
#define CONTEXT_RDI 40
#define CONTEXT_RBP 48
#define CONTEXT_RSP 56
#define CONTEXT_R(n) (n * 8) /* r8 … r15: a literal number */
#define CONTEXT_RIP 128
#define CONTEXT_RFLAGS 136
#define CONTEXT_FSBASE 144
#define CONTEXT_GSBASE 152
#define CONTEXT_TRAP_NUM 160
#define CONTEXT_ERROR_CODE 168
#define CONTEXT_KEPT 176
#define CONTEXT_SAVED 180
#define CONTEXT_STATE 192

// What Linux adds to the XSAVE area in a signal's frame: struct _fpx_sw_bytes, asm/sigcontext.h.
#define STATE_NOTE 464
#define STATE_MAGIC 0x46505853

// The offset in ucontext_t of the pointer to an XSAVE area.
#define FRAME_VECTORS 224

// Offsets in trap::HartRecord.
#define HART_CONTEXT 0
#define HART_USER_RIP 8
#define HART_USER_RSP 16
#define HART_KERNEL_RSP 24
#define HART_KERNEL_RBP 32
#define HART_KERNEL_RBX 40
#define HART_KERNEL_PC 48
#define HART_KERNEL_FS 56
#define HART_LOADED_GS 64
#define HART_PENDING 72
#define HART_FS_IS_USERS 76
#define HART_SYSCALLS 77
#define HART_HIDDEN_FS 80
#define HART_USER_RAX 88
#define HART_RETURN_FRAME 96

// In the mode Segments::fault, the fs base of programs is this much below the hart's record. So it
// lies in the upper half of the addresses, where each access of user code faults. But rax can be
// loaded and stored at an offset of 64 bits, which reaches the record. The offset is the largest
// multiple of a page that is an address of user code: an AMD EPYC raises a general protection fault
// for an operand whose offset is not canonical, although base + offset is.
#define HIDDEN_FS_DISTANCE 0x7ffffffff000
#define HIDDEN(field) HIDDEN_FS_DISTANCE + field

// The components of the XSAVE state that a context can ask to preserve, as bits.
#define VECTORS_NONE 0
#define VECTORS_SSE 2
#define VECTORS_ALL 0xe7

// The value of UserContext::trap_num after a call of the gate.
#define GATE_TRAP_NUM 0x100
