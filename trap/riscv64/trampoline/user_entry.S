// Enters user mode and returns from it. The kernel has its own address space. While satp selects
// the program's page table, only this code's page and the contexts are mapped of the kernel. So
// the code runs at its address in the trampoline region (hal/trampoline.h) and accesses only the
// context at a0.
//
// sscratch tells the modes apart: in user mode it holds the running program's context, in the
// kernel 0. So stvec never changes.

#include "../save_restore.S"

#ifndef COTRAP_TRAPS_CALL_HANDLER
#error "link cotrap_trap_shape"
#endif

#define TRAMPOLINE_BASE 0xffffffffc0000000

  .section .text.user_entry, "ax"

// In: a0 = context. Returns to kernel_pc when the program traps. Out: a0 = context, a1 = cause.
  .globl cotrap_enter_user
  .type cotrap_enter_user, @function
cotrap_enter_user:
  sd    ra, CONTEXT_KERNEL_PC(a0)
  sd    sp, CONTEXT_KERNEL_SP(a0)
  sd    tp, CONTEXT_KERNEL_TP(a0)
  ld    t0, CONTEXT_USER_TRANSLATION(a0)
  ld    t1, trampoline_enter_address
  jr    t1

  .balign 8
trampoline_enter_address:
  .quad TRAMPOLINE_BASE + trampoline_enter - kernel_trampoline

  .section .text.trampoline, "ax"

trampoline_enter:
  csrw  satp, t0
  sfence.vma
  // A trap from here on would look like a trap of the program. No instruction below can trap.
  csrw  sscratch, a0
  ld    t0, CONTEXT_PC(a0)
  csrw  sepc, t0
  move_user_registers ld
  ld    a0, A0_SLOT
  sret                                  // to sepc; SPP is clear, SPIE unmasks interrupts

// The trap vector (stvec) for all traps, at its address in the trampoline region.
  .globl cotrap_trap_entry
  .type cotrap_trap_entry, @function
  .balign 64
cotrap_trap_entry:
  csrrw a0, sscratch, a0
  beqz  a0, from_kernel
  move_user_registers sd
  csrrw t0, sscratch, zero              // t0: the user's a0; sscratch 0: in the kernel
  sd    t0, A0_SLOT
  csrr  t0, sepc
  sd    t0, CONTEXT_PC(a0)
  ld    t0, CONTEXT_KERNEL_TRANSLATION(a0)
  ld    tp, CONTEXT_KERNEL_TP(a0)
  ld    sp, CONTEXT_KERNEL_SP(a0)
  csrw  satp, t0
  sfence.vma
  csrr  a1, scause
#if COTRAP_TRAPS_CALL_HANDLER
  mv    s0, a0
  ld    t0, handler_address
  jalr  t0                              // returns a0: 0, or the cause for run_user()
  mv    a1, a0
  mv    a0, s0
  ld    t0, CONTEXT_USER_TRANSLATION(a0)
  beqz  a1, trampoline_enter
#endif
  ld    ra, CONTEXT_KERNEL_PC(a0)
  ret

from_kernel:                            // sscratch holds the kernel's a0
  ld    a0, kernel_trap_address
  jr    a0

  .balign 8
kernel_trap_address:
  .quad cotrap_kernel_trap
#if COTRAP_TRAPS_CALL_HANDLER
handler_address:
  .quad cotrap_handle_trap
#endif
