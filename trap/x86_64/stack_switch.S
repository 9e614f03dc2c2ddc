// Leaves a stack in the middle of a step and returns to it. See trap/stack_switch.h.
#include "../stack_layout.h"

  .section .text.stack_switch, "ax", @progbits

// In: rdi = the StackContext that gets this stack's pointer, rsi = top of another stack, rdx = the
// function to run there.
  .globl cotrap_leave_stack
  .type cotrap_leave_stack, @function
  .balign 16
cotrap_leave_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq  %rsp, STACK_SP(%rdi)
  movq  %rsi, %rsp
  andq  $-16, %rsp
  xorl  %ebp, %ebp                      // ends a debugger's backtrace
  call  *%rdx
  ud2                                   // the function does not return

// In: rdi = the context of a stack that was left. Returns from the cotrap_leave_stack() that left
// it.
  .globl cotrap_return_to_stack
  .type cotrap_return_to_stack, @function
  .balign 16
cotrap_return_to_stack:
  movq  STACK_SP(%rdi), %rsp
  popq  %r15
  popq  %r14
  popq  %r13
  popq  %r12
  popq  %rbx
  popq  %rbp
  ret

  .section .note.GNU-stack, "", @progbits
