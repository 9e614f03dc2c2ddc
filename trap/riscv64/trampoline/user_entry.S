// Enters user mode and returns from it. The kernel has its own address space. While satp selects
// the program's page table, only this code's page and the contexts are mapped of the kernel. So
// the code runs at its address in the trampoline region (hal/trampoline.h) and accesses only the
// context at a0.
//
// sscratch tells the modes apart: in user mode it holds the running program's context, in the
// kernel 0. So stvec never changes.

#include "../claim.inc"
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
  lui   t1, (TRAMPOLINE_BASE >> 12) & 0xfffff
  jr    t1                              // trampoline_enter

  .section .text.trampoline, "ax"

// First in the section, so its address in the trampoline region is the region's base.
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

// The trap vector (stvec) for all traps, at its address in the trampoline region. It writes satp
// before it knows whether the trap has a fast path, because the table of fast paths is in the
// kernel's space.
  .globl cotrap_trap_entry
  .type cotrap_trap_entry, @function
  .balign 64
cotrap_trap_entry:
  csrrw a0, sscratch, a0
  beqz  a0, from_kernel
  move_registers sd, 5, 6
  move_partially sd
  mv    s0, a0
  csrrw t0, sscratch, zero              // t0: the user's a0; sscratch 0: in the kernel
  sd    t0, A0_SLOT
  ld    t0, CONTEXT_KERNEL_TRANSLATION(a0)
  ld    tp, CONTEXT_KERNEL_TP(a0)
  ld    sp, CONTEXT_KERNEL_SP(a0)
  csrw  satp, t0
  sfence.vma
  csrr  a1, scause
  sd    a1, CONTEXT_CAUSE(a0)
  addi  t0, a1, -SYSCALL_CAUSE
  bnez  t0, not_a_call
  li    t0, FAST_PATH_CALLS
  bgeu  a7, t0, private_call
  slli  t0, a7, 3
look_up_call:                           // t0: offset of the call's entry in the table
  ld    t1, %tprel_lo(fast_path_table_address)(tp)
  add   t1, t1, t0
  ld    t1, 0(t1)
  jalr  t1                              // a0: the result; a1: 0, or run_user()'s cause
  csrr  t0, sepc
  addi  t0, t0, 4                       // ecall has no compressed form
  bnez  a1, rest_of_save
  csrw  sepc, t0

// In: a0 = the program's a0, s0 = context.
return_from_fast_path:
  ld    t0, CONTEXT_USER_TRANSLATION(s0)
  csrw  satp, t0
  sfence.vma
  restore_partially
  sret

private_call:
  li    t0, FIRST_PRIVATE_CALL
  sub   t0, a7, t0
  li    t1, FAST_PATH_PRIVATE_CALLS
  bgeu  t0, t1, entire_save
  addi  t0, t0, FAST_PATH_CALLS
  slli  t0, t0, 3
  j     look_up_call

not_a_call:
  bgez  a1, exception
  // An interrupt: no use of the stack before the end of the claim.
  andi  a2, a1, EXTERNAL_BIT
  beqz  a2, claimed
  claim_external a2
#if COTRAP_TRAPS_CALL_HANDLER
  j     claimed
entire_save:
exception:
  li    a2, 0
claimed:                                // a2: the line's entry, or 0
  csrr  t0, sepc
  sd    t0, CONTEXT_PC(a0)
  move_rest sd
  ld    t0, %tprel_lo(cotrap_trap_handler)(tp)
  jalr  t0                              // a0: 0, or the cause that run_user() returns
  mv    a1, a0
  mv    a0, s0
  ld    t0, CONTEXT_USER_TRANSLATION(a0)
  beqz  a1, trampoline_enter
  ld    ra, CONTEXT_KERNEL_PC(a0)
  ret
#else
claimed:                                // a2: the line's entry, or 0
  ld    t0, serve_interrupt_address
  j     serve
exception:
  ld    t0, serve_exception_address
serve:
  jalr  t0                              // a0: 0, or run_user()'s cause
  bnez  a0, not_served
  ld    a0, CONTEXT_X(10)(s0)
  j     return_from_fast_path

not_served:
  mv    a1, a0
  csrr  t0, sepc
#endif

rest_of_save:                           // t0: the program counter; a1: run_user()'s cause
  mv    a0, s0
  leave_user

// The table's entry for calls without a fast path. In: a0 = s0 = context, a1 = scause. The table
// has its address in the kernel's space, and a return to the program needs the one in the
// trampoline region.
  .globl cotrap_no_fast_path
  .type cotrap_no_fast_path, @function
cotrap_no_fast_path:
#if COTRAP_TRAPS_CALL_HANDLER
  ld    t0, entire_save_address
  jr    t0
#else
entire_save:
  csrr  t0, sepc
  leave_user
#endif

from_kernel:                            // sscratch holds the kernel's a0
  ld    a0, kernel_trap_address
  jr    a0

  .balign 8
kernel_trap_address:
  .quad cotrap_kernel_trap
#if COTRAP_TRAPS_CALL_HANDLER
entire_save_address:
  .quad TRAMPOLINE_BASE + entire_save - kernel_trampoline
#endif
#if !COTRAP_TRAPS_CALL_HANDLER
serve_exception_address:
  .quad cotrap_serve_exception
serve_interrupt_address:
  .quad cotrap_serve_interrupt
#endif

// The trampoline code does not run at the address for which it is linked, so it cannot address the
// table relative to pc. Relative to tp, one instruction loads the table's address.
  .section .tdata, "awT"
  .balign 8
fast_path_table_address:
  .quad cotrap_fast_path_table
