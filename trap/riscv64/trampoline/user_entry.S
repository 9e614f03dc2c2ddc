// Into user mode and out of it again, the kernel having an address space of its own. Between the two
// writes of satp only the page this code is on and the contexts are mapped, so it runs at its address
// in the gate (hal/gate.h) and touches nothing but the context at a0.
//
// sscratch tells the two modes apart: it is the running program's context in user mode and zero in
// the kernel. stvec therefore never changes.

#include "../save_restore.S"

#define GATE_BASE 0xffffffffc0000000

  .section .text.user_entry, "ax"

// In: a0 = context. Comes back through its kernel_pc when the program traps. Out: a0, a1 = the cause.
  .globl cotrap_enter_user
  .type cotrap_enter_user, @function
cotrap_enter_user:
  sd    ra, CONTEXT_KERNEL_PC(a0)
  sd    sp, CONTEXT_KERNEL_SP(a0)
  sd    tp, CONTEXT_KERNEL_TP(a0)
  ld    t0, CONTEXT_USER_TRANSLATION(a0)
  ld    t1, gate_enter_address
  jr    t1

  .balign 8
gate_enter_address:
  .quad GATE_BASE + gate_enter - kernel_trampoline

  .section .text.trampoline, "ax"

gate_enter:
  csrw  satp, t0
  sfence.vma
  // From here on a trap would be taken for the user's; nothing below can cause one.
  csrw  sscratch, a0
  ld    t0, CONTEXT_PC(a0)
  csrw  sepc, t0
  move_user_registers ld
  ld    a0, A0_SLOT
  sret                                  // to sepc; SPP is clear, SPIE unmasks interrupts

// The one trap vector (stvec), at its address in the gate.
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
  ld    t0, CONTEXT_KERNEL_TRANSLATION(a0)
  ld    tp, CONTEXT_KERNEL_TP(a0)
  ld    sp, CONTEXT_KERNEL_SP(a0)
  csrw  satp, t0
  sfence.vma
  csrr  a1, scause
#ifdef COTRAP_TRAP_HANDLER
  mv    s0, a0
  ld    t0, handler_address
  jalr  t0                              // a0: 0, or the cause of run_user's return
  mv    a1, a0
  mv    a0, s0
  ld    t0, CONTEXT_USER_TRANSLATION(a0)
  beqz  a1, gate_enter
#endif
  ld    ra, CONTEXT_KERNEL_PC(a0)
  ret

from_kernel:                            // its a0 is in sscratch
  ld    a0, kernel_trap_address
  jr    a0

  .balign 8
kernel_trap_address:
  .quad cotrap_kernel_trap
#ifdef COTRAP_TRAP_HANDLER
handler_address:
  .quad cotrap_handle_trap
#endif
