// Leaves a stack in the middle of a step and returns to it. See trap/stack_switch.h.

#include "../stack_layout.h"

#define FRAME_SIZE 112

.macro move_callee_saved instruction
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
.endm

  .section .text.stack_switch, "ax"

// In: a0 = the StackContext that gets this stack's pointer, a1 = top of another stack, a2 = the
// function to run there.
  .globl cotrap_leave_stack
  .type cotrap_leave_stack, @function
  .balign 4
cotrap_leave_stack:
  addi  sp, sp, -FRAME_SIZE
  move_callee_saved sd
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
  move_callee_saved ld
  addi  sp, sp, FRAME_SIZE
  ret
