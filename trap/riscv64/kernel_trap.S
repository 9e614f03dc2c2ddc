// A trap in the kernel. On entry sscratch holds the interrupted code's a0, and a0 is free.
//
// An interrupt can only come from a step of a preemptible job: all other kernel code masks
// interrupts. An external interrupt is claimed and pushed first, with three registers in the hart's
// record and no use of the stack. Then the caller-saved registers go to the stack of that step, if
// sp is inside this stack. sepc and sstatus stay in the CSRs, because nothing traps until `sret`. If
// the handler preempts the step, an InterruptedStep saves sepc and later sets both CSRs again.
//
// Any other trap is a bug of the kernel, and so is an interrupted sp outside the stack. The
// registers go into this hart's kernel_trap_record. The report runs on the hart's emergency stack,
// because the current stack may be the cause.

#include <hal/machine/privilege_layout.h>

#include "../stack_layout.h"
#include "claim.inc"
#include "context_layout.h"

.macro move_caller_saved instruction
  \instruction ra, 0(sp)
  \instruction t0, 8(sp)
  \instruction t1, 16(sp)
  \instruction t2, 24(sp)
  \instruction t3, 32(sp)
  \instruction t4, 40(sp)
  \instruction t5, 48(sp)
  \instruction t6, 56(sp)
  \instruction a1, 72(sp)
  \instruction a2, 80(sp)
  \instruction a3, 88(sp)
  \instruction a4, 96(sp)
  \instruction a5, 104(sp)
  \instruction a6, 112(sp)
  \instruction a7, 120(sp)
.endm

  .section .text.kernel_trap, "ax"
  .globl cotrap_kernel_trap
  .type cotrap_kernel_trap, @function
  .balign 64
cotrap_kernel_trap:
  csrr  a0, CSR(cause)
  bgez  a0, exception
  sd    t0, %tprel_lo(cotrap_hart + HART_T0)(tp)
  sd    t1, %tprel_lo(cotrap_hart + HART_T1)(tp)
  andi  a0, a0, EXTERNAL_BIT
  beqz  a0, check_stack
  claim_external a0
check_stack:                            // a0: the line's entry, or 0
  ld    t0, %tprel_lo(cotrap_current_stack)(tp)
  ld    t1, STACK_TOP(t0)
  ld    t0, STACK_BOTTOM(t0)
  addi  t0, t0, INTERRUPT_FRAME_SIZE
  bltu  sp, t0, bad_stack
  bltu  t1, sp, bad_stack
  // The checks make sure that no store below traps. While sscratch is not 0, the trap vector would
  // take a trap for a program's.
  addi  sp, sp, -INTERRUPT_FRAME_SIZE
  ld    t0, %tprel_lo(cotrap_hart + HART_T0)(tp)
  ld    t1, %tprel_lo(cotrap_hart + HART_T1)(tp)
  move_caller_saved sd
  csrrw t0, CSR(scratch), zero          // t0: the interrupted a0
  sd    t0, 64(sp)
  call  cotrap_kernel_interrupt
  move_caller_saved ld
  ld    a0, 64(sp)
  addi  sp, sp, INTERRUPT_FRAME_SIZE
  RETURN_FROM_TRAP
  .globl cotrap_kernel_interrupt_end
cotrap_kernel_interrupt_end:

bad_stack:                              // as if the interrupted instruction had trapped
  ld    t0, %tprel_lo(cotrap_hart + HART_T0)(tp)
  ld    t1, %tprel_lo(cotrap_hart + HART_T1)(tp)

exception:
  lui   a0, %tprel_hi(kernel_trap_record)
  add   a0, a0, tp, %tprel_add(kernel_trap_record)
  addi  a0, a0, %tprel_lo(kernel_trap_record)
  .irp n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  sd    x\n, CONTEXT_X(\n)(a0)
  .endr
  csrrw t0, CSR(scratch), zero
  sd    t0, CONTEXT_X(10)(a0)
  csrr  t0, CSR(epc)
  sd    t0, CONTEXT_PC(a0)
  lui   t0, %tprel_hi(hal_emergency_stack)
  add   t0, t0, tp, %tprel_add(hal_emergency_stack)
  ld    sp, %tprel_lo(hal_emergency_stack)(t0)
  csrr  a1, CSR(cause)
  csrr  a2, CSR(tval)
  call  cotrap_report_kernel_trap       // does not return
1:wfi
  j     1b

  .section .tbss_large, "awT", @nobits
  .balign 8
kernel_trap_record:
  .zero CONTEXT_SIZE
