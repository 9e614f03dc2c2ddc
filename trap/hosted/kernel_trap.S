// An interrupt in a step of the kernel. The signal handler (kernel_trap.cpp) stores the interrupted
// address on the step's stack, below the red zone of 128 bytes. Then it returns to this code, which
// so runs like a function that the step has called. Interrupts are masked.

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
  movq  %rax, \word(%rsp)               // clear the header of the XSAVE area
  .endr
  movl  $STATE_COMPONENTS, %eax
  xorl  %edx, %edx
  xsave64 (%rsp)
  movq  16(%rbp), %rdi
  call  cotrap_take_interrupts          // takes all pending interrupts
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
