// From the firmware to C++: sets up translation, a stack and per-hart data, and zeroes memory.
//
// The code runs at its load address until it writes `satp`, so it uses only PC-relative addresses.

#include "../entry.inc"

#define PTE_VALID_RWX_GLOBAL_ACCESSED_DIRTY 0xef
#define SATP_SV39 (8 << 60)
#define PAGE_SHIFT 12
#define GIGABYTE_SHIFT 30
#define KERNEL_OFFSET 0xffffffc000000000

// Turns translation on with the boot page table and jumps to `place` in the upper half. Changes t0
// … t2.
.macro go_higher_half place
  lla   t0, boot_page_table
  srli  t0, t0, PAGE_SHIFT
  li    t1, SATP_SV39
  or    t0, t0, t1
  lla   t2, \place
  li    t1, KERNEL_OFFSET
  add   t2, t2, t1
  sfence.vma
  csrw  satp, t0
  sfence.vma
  jr    t2
.endm

  .section .text.entry, "ax"
// The boot hart's entry. In: a0 = the firmware's number of this hart, a1 = physical address of the
// device tree. The hart is in supervisor mode with translation off and interrupts masked (SBI
// specification 2.0, chapter 3).
  .globl _start
_start:
  begin_hart

  zero_bss

  // Fill the boot page table: it maps physical gigabytes 0 … 255 at the start of the upper half,
  // and the gigabyte of this code also at its physical address. Each hart uses this table until it
  // switches to the kernel's own.
  lla   t0, boot_page_table
  li    t1, 256
  li    t2, PTE_VALID_RWX_GLOBAL_ACCESSED_DIRTY
  li    t3, 1 << (GIGABYTE_SHIFT - PAGE_SHIFT + 10)
  li    t4, 2048
  add   t4, t4, t0
2:sd    t2, (t4)
  add   t2, t2, t3
  addi  t4, t4, 8
  addi  t1, t1, -1
  bnez  t1, 2b

  lla   t1, _start
  srli  t1, t1, GIGABYTE_SHIFT
  slli  t4, t1, 3
  add   t4, t4, t0
  slli  t1, t1, GIGABYTE_SHIFT - PAGE_SHIFT + 10
  ori   t1, t1, PTE_VALID_RWX_GLOBAL_ACCESSED_DIRTY
  sd    t1, (t4)

  go_higher_half boot_hart

boot_hart:
  start_boot_hart

// The entry of a hart that hal::start_hart() has started. In: a1 = physical address of its
// HartStart; the rest as for _start. Its page table, stack and per-hart data are ready.
  .globl secondary_start
secondary_start:
  begin_hart
  go_higher_half other_hart

other_hart:
  li    t0, KERNEL_OFFSET
  add   a1, a1, t0
  ld    t0, HART_START_TRANSLATION(a1)
  csrw  satp, t0
  sfence.vma
  start_other_hart

  .section .bss.boot_page_table, "aw", @nobits
  .balign 4096
boot_page_table:
  .zero 4096
