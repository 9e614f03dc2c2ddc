// pc: the gates through which interrupts and exceptions enter the kernel.
#pragma once

namespace hal::pc {

/// Replaces the code of all gates but that of the NMI. The gate of vector v is at `exceptions` +
/// v × GATE_BYTES, or for v ≥ FIRST_INTERRUPT at `interrupts` + (v − FIRST_INTERRUPT) × GATE_BYTES
/// (hal/machine/vectors.h). All harts use the same gates; interrupts are masked. The gates of
/// double faults and machine checks use the emergency stack.
void use_gates(const char* exceptions, const char* interrupts);

/// Where the processor finds the stack pointer for traps of programs: a word of this hart's TSS.
extern constinit thread_local void* trap_stack asm("hal_trap_stack");

}  // namespace hal::pc
