// The numbers of interrupt vectors, for C++ and assembly.
#pragma once

#define VECTORS 256
#define FIRST_INTERRUPT 32  // vectors below it are the processor's exceptions
#define GATE_BYTES 16       // of code, in gates.S

#define VECTOR_DIVIDE_ERROR 0
#define VECTOR_NMI 2
#define VECTOR_BREAKPOINT 3
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_MACHINE_CHECK 18
// The exceptions that push an error code (Intel SDM, volume 3, "Exceptions and Interrupts"): 8, 10
// to 14, 17, 21, 29 and 30.
#define VECTORS_WITH_ERROR 0x60227d00

#define VECTOR_FIRST_IRQ 0x31  // of interrupt 1; one vector for each number of an interrupt
#define VECTOR_IPI 0xf0
#define VECTOR_TIMER 0xf1
#define VECTOR_ERROR 0xf2  // of a local APIC: it could not deliver an interrupt
#define VECTOR_SPURIOUS 0xff

// The number of the hart on the stack of the NMI, counted from the registers that the processor
// pushes (40 bytes; the stack is aligned to 16).
#define NMI_HART_OFFSET 40
// The FS of the hart on its emergency stack, counted in the same way.
#define EMERGENCY_FS_OFFSET 40
