// Offsets and sizes in bytes, for the assembly that claims interrupts. claim.cpp checks them.
#pragma once

// Members of trap::HartRecord.
#define HART_T0 0
#define HART_T1 8
#define HART_LINES 16
#define HART_INBOX 24
#define HART_SPURIOUS 32

// An entry of the table of lines has 1 << LINE_SHIFT bytes. It begins with an async::Interrupt.
#define LINE_SHIFT 6
#define INTERRUPT_NEXT 0
#define INTERRUPT_RAISED 20

// A bit of scause that only external interrupts have, of those that sie enables: their codes are 9
// (external), 5 (timer) and 1 (software).
#define EXTERNAL_BIT 8
