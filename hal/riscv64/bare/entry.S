// From the firmware to C++ without address translation: the kernel stays at its load address.
#include "../entry.inc"

  .section .text.entry, "ax"
// The boot hart's entry. In: a0 = the firmware's number of this hart, a1 = address of the device
// tree. The hart is in supervisor mode with translation off and interrupts masked (SBI
// specification 2.0, chapter 3).
  .globl _start
_start:
  begin_hart
  zero_bss
  start_boot_hart

// The entry of a hart that hal::start_hart() has started. In: a1 = address of its HartStart.
  .globl secondary_start
secondary_start:
  begin_hart
  start_other_hart
