// Enters user mode and returns from it. The kernel is mapped in the upper half of every address
// space. Entering restores exactly the registers that a trap saves.
//
// sscratch tells the modes apart: in user mode it holds the running program's context, in the
// kernel 0. So stvec never changes.

#include "../claim.inc"
#include "../save_restore.S"

#ifndef COTRAP_TRAPS_CALL_HANDLER
#error "link cotrap_trap_shape"
#endif

// In: a0 = context, sscratch = the program's a0; t0 and t1 are saved already. Saves the other
// caller-saved registers, sp, tp and s0, and loads the kernel's sp and tp. Out: s0 = context,
// sscratch = 0. gp and s1 to s11 still hold the program's values.
.macro save_partially
  move_partially sd
  mv    s0, a0
  csrrw t0, CSR(scratch), zero          // t0: the user's a0; sscratch 0: in the kernel
  sd    t0, A0_SLOT
  ld    tp, CONTEXT_KERNEL_TP(a0)
  ld    sp, CONTEXT_KERNEL_SP(a0)
.endm

  .section .text.user_entry, "ax"

// In: a0 = context. Returns to kernel_pc when the program traps. Out: a0 = context, a1 = cause.
  .globl cotrap_enter_user
  .type cotrap_enter_user, @function
  .balign 64
cotrap_enter_user:
  // Where to continue in the kernel when the program traps.
  sd    ra, CONTEXT_KERNEL_PC(a0)
  sd    sp, CONTEXT_KERNEL_SP(a0)
  sd    tp, CONTEXT_KERNEL_TP(a0)
to_program:
  // A trap from here on would look like a trap of the program. No instruction below can trap.
  csrw  CSR(scratch), a0
  ld    t0, CONTEXT_PC(a0)
  csrw  CSR(epc), t0
  move_user_registers ld
  ld    a0, A0_SLOT
  RETURN_FROM_TRAP                      // to sepc; SPP is clear, SPIE unmasks interrupts

// The trap vector (stvec) for all traps.
  .globl cotrap_trap_entry
  .type cotrap_trap_entry, @function
  .balign 64
cotrap_trap_entry:
  csrrw a0, CSR(scratch), a0
  beqz  a0, from_kernel
  move_registers sd, 5, 6
  csrr  t0, CSR(cause)
  sd    t0, CONTEXT_CAUSE(a0)
  addi  t0, t0, -SYSCALL_CAUSE
  bnez  t0, not_a_call
  li    t0, FAST_PATH_CALLS
  bgeu  a7, t0, private_call
  slli  t0, a7, 3
look_up_call:                           // t0: offset of the call's entry in the table
  auipc t1, %pcrel_hi(cotrap_fast_path_table)
  add   t1, t1, t0
  ld    t1, %pcrel_lo(look_up_call)(t1)

partial_save:
  save_partially
  jalr  t1                              // a0: the result; a1: 0, or run_user()'s cause
  csrr  t0, CSR(epc)
  addi  t0, t0, 4                       // ecall has no compressed form
  bnez  a1, rest_of_save
  csrw  CSR(epc), t0
  restore_partially
  RETURN_FROM_TRAP

private_call:
  li    t0, FIRST_PRIVATE_CALL
  sub   t0, a7, t0
  li    t1, FAST_PATH_PRIVATE_CALLS
  bgeu  t0, t1, unknown_call
  addi  t0, t0, FAST_PATH_CALLS
  slli  t0, t0, 3
  j     look_up_call

not_a_call:
  save_partially
  csrr  a1, CSR(cause)
  bltz  a1, interrupt
#if COTRAP_TRAPS_CALL_HANDLER
  li    a2, 0
  j     save_rest
#else
  call  cotrap_serve_exception
served:                                 // a0: 0, or run_user()'s cause
  bnez  a0, not_served
  ld    a0, CONTEXT_X(10)(s0)
  restore_partially
  RETURN_FROM_TRAP
#endif

interrupt:                              // no use of the stack before the end of the claim
  andi  a2, a1, EXTERNAL_BIT
  beqz  a2, claimed
  claim_external a2
claimed:                                // a2: the line's entry, or 0
#if COTRAP_TRAPS_CALL_HANDLER
  j     save_rest
#else
  call  cotrap_serve_interrupt
  j     served

not_served:
  mv    a1, a0
  csrr  t0, CSR(epc)
#endif

rest_of_save:
  mv    a0, s0
  leave_user

unknown_call:
  save_partially

// The table's entry for calls without a fast path. In: a0 = s0 = context.
  .globl cotrap_no_fast_path
  .type cotrap_no_fast_path, @function
cotrap_no_fast_path:
  li    a1, SYSCALL_CAUSE
#if COTRAP_TRAPS_CALL_HANDLER
  li    a2, 0
save_rest:
  csrr  t0, CSR(epc)
  sd    t0, CONTEXT_PC(a0)
  move_rest sd
  ld    t0, %tprel_lo(cotrap_trap_handler)(tp)
  jalr  t0                              // a0: 0, or the cause that run_user() returns
  mv    a1, a0
  mv    a0, s0
  beqz  a1, to_program
  ld    ra, CONTEXT_KERNEL_PC(a0)
  ret
#else
  csrr  t0, CSR(epc)
  leave_user
#endif

from_kernel:                            // sscratch holds the kernel's a0
  j     cotrap_kernel_trap
