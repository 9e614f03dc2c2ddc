// Into user mode and out of it again, the kernel being mapped in the upper half of every address
// space. Entry and exit mirror each other: what one moves, the other moves back.
//
// sscratch tells the two modes apart: it is the running program's context in user mode and zero in
// the kernel. stvec therefore never changes.

#include "../save_restore.S"

  .section .text.user_entry, "ax"

// In: a0 = context. Comes back through its kernel_pc when the program traps.
  .globl cotrap_enter_user
  .type cotrap_enter_user, @function
  .balign 64
cotrap_enter_user:
  // The kernel's place to come back to.
  sd    ra, CONTEXT_KERNEL_PC(a0)
  sd    sp, CONTEXT_KERNEL_SP(a0)
  sd    tp, CONTEXT_KERNEL_TP(a0)
  // From here on a trap would be taken for the user's; nothing below can cause one.
  csrw  sscratch, a0
  ld    t0, CONTEXT_PC(a0)
  csrw  sepc, t0
  move_user_registers ld
  ld    a0, A0_SLOT
  sret                                  // to sepc; SPP is clear, SPIE unmasks interrupts

// The one trap vector (stvec).
  .globl cotrap_trap_entry
  .type cotrap_trap_entry, @function
  .balign 64
cotrap_trap_entry:
  csrrw a0, sscratch, a0
  beqz  a0, from_kernel
  move_user_registers sd
  csrrw t0, sscratch, zero              // the user's a0; the kernel's mark
  sd    t0, A0_SLOT
  csrr  t0, sepc
  sd    t0, CONTEXT_PC(a0)
  ld    tp, CONTEXT_KERNEL_TP(a0)
  ld    sp, CONTEXT_KERNEL_SP(a0)
  ld    ra, CONTEXT_KERNEL_PC(a0)
  ret

from_kernel:                            // its a0 is in sscratch
  j     cotrap_kernel_trap
