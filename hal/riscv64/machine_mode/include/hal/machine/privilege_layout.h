// The kernel runs in machine mode: names of its registers, and bits in them, for assembly and C++
// (RISC-V privileged specification 1.12).
#pragma once

#define CSR(name) m##name
#define HAL_CSR(name) "m" name
#define RETURN_FROM_TRAP mret

// Bits of the register `status`.
#define STATUS_INTERRUPTS (1 << 3)         // interrupts are enabled in the kernel
#define STATUS_INTERRUPTS_BEFORE (1 << 7)  // the same before the trap
#define STATUS_KERNEL_BEFORE (3 << 11)     // the trap came from the kernel

// Causes of interrupts, and their bits in the registers `ie` and `ip`.
#define CAUSE_SOFTWARE 3
#define CAUSE_TIMER 7
#define CAUSE_EXTERNAL 11
