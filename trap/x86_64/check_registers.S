// bool cotrap_look_at_registers(std::uint64_t seed): fills each register with a different value
// derived from the seed and spins for a while. Returns true if all values are unchanged. It does
// not check rsp, nor its own rbp and r15. See trap/check_registers.h.
#include <trap/step_registers.h>

  .section .text.check_registers, "ax", @progbits

.macro each_register operation
  \operation 1, %rax
  \operation 2, %rbx
  \operation 3, %rcx
  \operation 4, %rdx
  \operation 5, %rsi
  \operation 6, %rdi
  \operation 8, %r8
  \operation 9, %r9
  \operation 10, %r10
  \operation 11, %r11
  \operation 12, %r12
  \operation 13, %r13
  \operation 14, %r14
.endm
.macro make distance, register
  leaq  \distance(%rbp), \register
.endm
.macro compare distance, register
  subq  %rbp, \register
  xorq  $\distance, \register
  orq   \register, %r15
.endm

  .globl cotrap_look_at_registers
  .type cotrap_look_at_registers, @function
  .balign 16
cotrap_look_at_registers:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq  %rdi, %rbp
  each_register make
  .if STEPS_USE_VECTORS
  movq  %r9, %xmm3
  movq  %r14, %xmm15
  .endif
  movl  $2000, %r15d
1:decl  %r15d
  jnz   1b
  each_register compare
  .if STEPS_USE_VECTORS
  movq  %xmm3, %rax
  compare 9, %rax
  movq  %xmm15, %rax
  compare 14, %rax
  .endif
  xorl  %eax, %eax
  testq %r15, %r15
  sete  %al
  popq  %r15
  popq  %r14
  popq  %r13
  popq  %r12
  popq  %rbx
  popq  %rbp
  ret

  .section .note.GNU-stack, "", @progbits
