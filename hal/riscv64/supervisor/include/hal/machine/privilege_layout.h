// The kernel runs in supervisor mode: names of its registers, and bits in them, for assembly and
// C++ (RISC-V privileged specification 1.12).
#pragma once

#define CSR(name) s##name
#define HAL_CSR(name) "s" name
#define RETURN_FROM_TRAP sret

// Bits of the register `status`.
#define STATUS_INTERRUPTS (1 << 1)         // interrupts are enabled in the kernel
#define STATUS_INTERRUPTS_BEFORE (1 << 5)  // the same before the trap
#define STATUS_KERNEL_BEFORE (1 << 8)      // the trap came from the kernel

// Causes of interrupts, and their bits in the registers `ie` and `ip`.
#define CAUSE_SOFTWARE 1
#define CAUSE_TIMER 5
#define CAUSE_EXTERNAL 9
