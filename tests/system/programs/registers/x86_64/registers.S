// See registers.h.
#include "registers.h"

// \operation for each integer register but rsp and \base, with its place in the array.
.macro each operation, area, base
  .set number, 0
  .irp register, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
  .ifnc \register, \base
  .ifnc \register, rsp
  \operation %\register, (\area + 8 * number)(%\base)
  .endif
  .endif
  .set number, number + 1
  .endr
.endm
.macro store register, place
  movq  \register, \place
.endm
.macro load register, place
  movq  \place, \register
.endm

.macro each_vector_in instruction, vector, base
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  \instruction (VECTOR_IN + 32 * \n)(%\base), %\vector\n
  .endr
.endm
.macro each_vector_out instruction, vector, base
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  \instruction %\vector\n, (VECTOR_OUT + 32 * \n)(%\base)
  .endr
.endm

.macro each_kept operation, base
  .set slot, KEPT
  .irp register, rsp, rbx, rbp, r12, r13, r14, r15
  \operation %\register, slot(%\base)
  .set slot, slot + 8
  .endr
.endm
#define KEPT_FSBASE (KEPT + 56)
#define KEPT_GSBASE (KEPT + 64)
#define KEPT_FLAGS (KEPT + 72)

// In: rdi = the Registers.
.macro fill base
  each_kept store, rdi
  rdfsbase %rax
  movq  %rax, KEPT_FSBASE(%rdi)
  rdgsbase %rax
  movq  %rax, KEPT_GSBASE(%rdi)
  pushfq
  popq  KEPT_FLAGS(%rdi)
  movq  %rdi, %\base
  ldmxcsr MODES_IN(%\base)
  fldcw (MODES_IN + 8)(%\base)
  cmpb  $0, registers_have_avx(%rip)
  je    1f
  each_vector_in vmovdqu, ymm, \base
  jmp   2f
1:each_vector_in movdqu, xmm, \base
2:pushq (INTEGER_IN + 8 * NUMBER_FLAGS)(%\base)
  popfq
  // The instructions from here on change no flags.
  movq  (INTEGER_IN + 8 * NUMBER_FSBASE)(%\base), %rax
  wrfsbase %rax
  movq  (INTEGER_IN + 8 * NUMBER_GSBASE)(%\base), %rax
  wrgsbase %rax
  movq  (INTEGER_IN + 8 * NUMBER_RSP)(%\base), %rsp
  each  load, INTEGER_IN, \base
.endm

.macro empty base
  each  store, INTEGER_OUT, \base
  movq  %rsp, (INTEGER_OUT + 8 * NUMBER_RSP)(%\base)
  movq  %\base, (INTEGER_OUT + 8 * \base\()_number)(%\base)
  movq  KEPT(%\base), %rsp
  pushfq
  popq  (INTEGER_OUT + 8 * NUMBER_FLAGS)(%\base)
  pushq KEPT_FLAGS(%\base)
  popfq
  rdfsbase %rax
  movq  %rax, (INTEGER_OUT + 8 * NUMBER_FSBASE)(%\base)
  rdgsbase %rax
  movq  %rax, (INTEGER_OUT + 8 * NUMBER_GSBASE)(%\base)
  movq  KEPT_FSBASE(%\base), %rax
  wrfsbase %rax
  movq  KEPT_GSBASE(%\base), %rax
  wrgsbase %rax
  cmpb  $0, registers_have_avx(%rip)
  je    1f
  each_vector_out vmovdqu, ymm, \base
  vzeroupper
  jmp   2f
1:each_vector_out movdqu, xmm, \base
2:stmxcsr MODES_OUT(%\base)
  fnstcw (MODES_OUT + 8)(%\base)
  ldmxcsr usual_mxcsr(%rip)
  fninit
  movq  %\base, %rdi
  each_kept load, rdi
  ret
.endm

  .set r15_number, 15
  .set rbp_number, 5

.macro function name
  .globl \name
  .type \name, @function
\name:
.endm

  .text
function call_with_first_base
  fill  r15
  syscall
  empty r15

function call_with_second_base
  fill  rbp
  syscall
  empty rbp

function spin_with_first_base
  fill  r15
3:loop  3b                              // it changes no flags
  empty r15

function spin_with_second_base
  fill  rbp
3:loop  3b
  empty rbp

  .section .rodata
  .balign 4
usual_mxcsr:
  .long 0x1f80

  .section .note.GNU-stack, "", @progbits
