// Leaves a stack in the middle of a step and returns to it. See trap/stack_switch.h.

#include "../stack_layout.h"

// Programs have floating-point registers, the kernel has none.
#ifdef __riscv_float_abi_double
#define FRAME_SIZE 208
#else
#define FRAME_SIZE 112
#endif

.macro move_callee_saved instruction, float_instruction
  \instruction ra, 0(sp)
  \instruction s0, 8(sp)
  \instruction s1, 16(sp)
  \instruction s2, 24(sp)
  \instruction s3, 32(sp)
  \instruction s4, 40(sp)
  \instruction s5, 48(sp)
  \instruction s6, 56(sp)
  \instruction s7, 64(sp)
  \instruction s8, 72(sp)
  \instruction s9, 80(sp)
  \instruction s10, 88(sp)
  \instruction s11, 96(sp)
#ifdef __riscv_float_abi_double
  \float_instruction fs0, 104(sp)
  \float_instruction fs1, 112(sp)
  \float_instruction fs2, 120(sp)
  \float_instruction fs3, 128(sp)
  \float_instruction fs4, 136(sp)
  \float_instruction fs5, 144(sp)
  \float_instruction fs6, 152(sp)
  \float_instruction fs7, 160(sp)
  \float_instruction fs8, 168(sp)
  \float_instruction fs9, 176(sp)
  \float_instruction fs10, 184(sp)
  \float_instruction fs11, 192(sp)
#endif
.endm

  .section .text.stack_switch, "ax"

// In: a0 = the StackContext that gets this stack's pointer, a1 = top of another stack, a2 = the
// function to run there.
  .globl cotrap_leave_stack
  .type cotrap_leave_stack, @function
  .balign 4
cotrap_leave_stack:
  addi  sp, sp, -FRAME_SIZE
  move_callee_saved sd, fsd
  sd    sp, STACK_SP(a0)
  mv    sp, a1
  jr    a2

// In: a0 = the context of a stack that was left. Returns from the cotrap_leave_stack() that left
// it.
  .globl cotrap_return_to_stack
  .type cotrap_return_to_stack, @function
  .balign 4
cotrap_return_to_stack:
  ld    sp, STACK_SP(a0)
  move_callee_saved ld, fld
  addi  sp, sp, FRAME_SIZE
  ret
