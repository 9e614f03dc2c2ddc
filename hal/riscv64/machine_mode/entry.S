// From reset to C++, in machine mode and without firmware. All harts start here at the same time. The
// first one boots. The others wait until start_hart() gives each its HartStart.
#include "../entry.inc"

#define MISA_S 18
#define MAX_HARTS 64  // hart numbers that can be parked: firmware.cpp

// Registers of machine mode. Programs may read the counters. No trap goes to supervisor mode, if there
// is one. Changes t0.
.macro begin_machine_mode
  begin_hart
  li    t0, STATUS_KERNEL_BEFORE | STATUS_INTERRUPTS
  csrc  mstatus, t0
  li    t0, 7
  csrw  mcounteren, t0
  csrr  t0, misa
  srli  t0, t0, MISA_S
  andi  t0, t0, 1
  beqz  t0, 9f
  csrw  satp, zero
  csrw  medeleg, zero
  csrw  mideleg, zero
  li    t0, 7
  csrw  scounteren, t0
9:
.endm

  .section .text.entry, "ax"
// In: a0 = the number of this hart, a1 = address of the device tree.
  .globl _start
_start:
  begin_machine_mode
  lla   t0, first_hart
  li    t1, 1
  amoadd.w t1, t1, (t0)
  bnez  t1, park
  zero_bss
  start_boot_hart

park:
  li    t0, MAX_HARTS
  bgeu  a0, t0, 2f
  lla   t0, parked_harts
  slli  t1, a0, 3
  add   t0, t0, t1
  csrwi mie, 1 << CAUSE_SOFTWARE        // ends the sleep below; interrupts are masked
1:wfi
  ld    a1, (t0)
  fence
  beqz  a1, 1b
  csrwi mie, 0
  start_other_hart
2:wfi
  j     2b

  .globl secondary_start                // start_hart() passes it, as to a firmware
secondary_start = park

  .data
  .balign 8
  .globl parked_harts
parked_harts:
  .zero 8 * MAX_HARTS
first_hart:
  .word 0
