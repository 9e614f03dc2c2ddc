// A trap in the kernel itself: a bug of the kernel's. In: a0 is in sscratch. The registers go into this
// hart's record and the report is made on its emergency stack, because the one in use may be what is
// broken.

#include "context_layout.h"

  .section .text.kernel_trap, "ax"
  .globl cotrap_kernel_trap
  .type cotrap_kernel_trap, @function
  .balign 4
cotrap_kernel_trap:
  lui   a0, %tprel_hi(kernel_trap_record)
  add   a0, a0, tp, %tprel_add(kernel_trap_record)
  addi  a0, a0, %tprel_lo(kernel_trap_record)
  .irp n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  sd    x\n, CONTEXT_X(\n)(a0)
  .endr
  csrrw t0, sscratch, zero
  sd    t0, CONTEXT_X(10)(a0)
  csrr  t0, sepc
  sd    t0, CONTEXT_PC(a0)
  lui   t0, %tprel_hi(hal_emergency_stack)
  add   t0, t0, tp, %tprel_add(hal_emergency_stack)
  ld    sp, %tprel_lo(hal_emergency_stack)(t0)
  csrr  a1, scause
  csrr  a2, stval
  call  cotrap_report_kernel_trap       // does not come back
1:wfi
  j     1b

  .section .tbss.kernel_trap, "awT", @nobits
  .balign 8
kernel_trap_record:
  .zero CONTEXT_SIZE
