// Programs for the tests: what is run by run_user.

  .text
// The document's: leaves its registers on its stack, adds 10 to each, and calls the gate.
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

// Traps; leaves what it then finds in every register in `seen`, and does it again. Two forms, one
// for each gate.
.macro looking_program name
  .globl \name
\name:
  trap_by_\name
  .globl \name\()_goes_on
\name\()_goes_on:
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
  leaq  seen+136(%rip), %rsp
  popfq
  movq  seen+56(%rip), %rsp
  movq  seen+0(%rip), %rax
  movq  seen+24(%rip), %rdx
  jmp   \name
.endm

.macro trap_by_caller
  call  *called_gate(%rip)
.endm
looking_program caller

.macro trap_by_jumper
  leaq  jumper_goes_on(%rip), %rcx
  jmpq  *jumped_gate(%rip)
.endm
looking_program jumper

  .bss
  .balign 64
  .globl seen_vectors
seen_vectors:
  .zero 2688
// In the order of trap::GeneralRegs.
  .globl seen
seen:
  .zero 160
  .globl called_gate
called_gate:
  .quad 0
  .globl jumped_gate
jumped_gate:
  .quad 0

  .section .note.GNU-stack, "", @progbits
