// Programs that the tests run with run_user.

#define VECTORS_SIZE 2688

  .text
// The program of document.cpp: pushes its registers, adds 10 to each except rsp, and calls the gate.
  .globl dump_registers
dump_registers:
  pushq %r15
  pushq %r14
  pushq %r13
  pushq %r12
  pushq %r11
  pushq %r10
  pushq %r9
  pushq %r8
  pushq %rsp
  pushq %rbp
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq %rbx
  pushq %rax
  .irp register, rax,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15
  addq  $10, %\register
  .endr
  call  syscall_fn_entry
  ud2

// Loads the next of two sets of vector registers, traps, stores all registers in `seen`, and
// repeats: no two successive traps have the same registers. There are three forms, one for each way
// to trap. rax, rcx and rdx are restored from `seen`.
.macro looking_program name
  .globl \name
\name:
  movl  given_set(%rip), %ecx
  xorl  $VECTORS_SIZE, %ecx
  movl  %ecx, given_set(%rip)
  leaq  given_vectors(%rip), %rax
  addq  %rax, %rcx
  movl  $0xe7, %eax
  xorl  %edx, %edx
  xrstor64 (%rcx)
  leaq  seen+136(%rip), %rsp
  popfq
  movq  seen+56(%rip), %rsp
  movq  seen+0(%rip), %rax
  movq  seen+16(%rip), %rcx
  movq  seen+24(%rip), %rdx
  .globl \name\()_traps
\name\()_traps:
  trap_by_\name
  .globl \name\()_continues
\name\()_continues:
  movq  %rax, seen+0(%rip)
  movq  %rbx, seen+8(%rip)
  movq  %rcx, seen+16(%rip)
  movq  %rdx, seen+24(%rip)
  movq  %rsi, seen+32(%rip)
  movq  %rdi, seen+40(%rip)
  movq  %rbp, seen+48(%rip)
  movq  %rsp, seen+56(%rip)
  .irp n, 8,9,10,11,12,13,14,15
  movq  %r\n, seen+8*\n(%rip)
  .endr
  leaq  seen+144(%rip), %rsp
  pushfq
  movl  $0xe7, %eax
  xorl  %edx, %edx
  xsave64 seen_vectors(%rip)
  jmp   \name
.endm

.macro trap_by_caller
  call  *called_gate(%rip)
.endm
looking_program caller

.macro trap_by_jumper
  leaq  jumper_continues(%rip), %rcx
  jmpq  *jumped_gate(%rip)
.endm
looking_program jumper

.macro trap_by_syscaller
  syscall
.endm
looking_program syscaller

  .bss
  .balign 64
  .globl seen_vectors
seen_vectors:
  .zero VECTORS_SIZE
  .globl given_vectors
given_vectors:
  .zero 2 * VECTORS_SIZE
// In the order of trap::GeneralRegs.
  .globl seen
seen:
  .zero 160
// The offset in given_vectors of the set that the program loaded last: 0 or VECTORS_SIZE.
  .globl given_set
given_set:
  .quad 0
  .globl called_gate
called_gate:
  .quad 0
  .globl jumped_gate
jumped_gate:
  .quad 0

  .section .note.GNU-stack, "", @progbits
