// An interrupt in the midst of a kernel's step. The signal's handler (kernel_trap.cpp) has put the
// address of the interrupted instruction onto the step's stack, 128 bytes below what the compiler
// may be using there, and returns to here: so the handler itself has ended, and this is a function of
// the step's that nobody has called. Interrupts are masked.

#define RED_ZONE 128
#define STATE_COMPONENTS 7              /* x87, SSE, AVX: what compiled code here uses */
#define STATE_SIZE 832

  .section .text.kernel_trap, "ax", @progbits
  .globl cotrap_interrupted
  .type cotrap_interrupted, @function
  .balign 16
cotrap_interrupted:
  pushfq
  cld
  pushq %rbp
  movq  %rsp, %rbp
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  subq  $STATE_SIZE, %rsp
  andq  $-64, %rsp
  xorl  %eax, %eax
  .irp word, 512,520,528,536,544,552,560,568
  movq  %rax, \word(%rsp)               // the area's header
  .endr
  movl  $STATE_COMPONENTS, %eax
  xorl  %edx, %edx
  xsave64 (%rsp)
  movq  16(%rbp), %rdi
  call  cotrap_take_interrupts          // as often as there are any
  movl  $STATE_COMPONENTS, %eax
  xorl  %edx, %edx
  xrstor64 (%rsp)
  leaq  -72(%rbp), %rsp
  popq  %r11
  popq  %r10
  popq  %r9
  popq  %r8
  popq  %rdi
  popq  %rsi
  popq  %rdx
  popq  %rcx
  popq  %rax
  popq  %rbp
  popfq
  ret   $RED_ZONE

  .section .note.GNU-stack, "", @progbits
