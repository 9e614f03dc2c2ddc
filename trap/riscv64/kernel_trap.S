// A trap in the kernel itself: a bug of the kernel's. In: a0 is in sscratch. The registers go into a record and the report
// is made on a stack of its own, because the one in use may be what is broken.

#include "context_layout.h"

  .section .text.kernel_trap, "ax"
  .globl cotrap_kernel_trap
  .type cotrap_kernel_trap, @function
  .balign 4
cotrap_kernel_trap:
  lla   a0, cotrap_kernel_trap_record
  .irp n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  sd    x\n, CONTEXT_X(\n)(a0)
  .endr
  csrrw t0, sscratch, zero
  sd    t0, CONTEXT_X(10)(a0)
  csrr  t0, sepc
  sd    t0, CONTEXT_PC(a0)
  lla   sp, emergency_stack_top
  csrr  a1, scause
  csrr  a2, stval
  call  cotrap_report_kernel_trap       // does not come back
1:wfi
  j     1b

  .section .bss.kernel_trap, "aw", @nobits
  .balign 8
  .globl cotrap_kernel_trap_record
cotrap_kernel_trap_record:
  .zero CONTEXT_SIZE
