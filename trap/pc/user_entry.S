// Enters user mode and returns from it. The kernel is mapped in the upper half of every address
// space. Entering restores exactly the registers that a trap saves.
//
// Programs may use FS and GS. The kernel uses only FS, for per-hart data. In programs the other
// base of GS (for swapgs) is the address of the running context, and the stack pointer for traps in
// the hart's TSS is the end of the context's frame. So every entry finds the context, and kernel
// code keeps the program's GS.
#include "context_layout.h"
#include <hal/machine/saved_registers.inc>
#include <hal/machine/vectors.h>

// The instructions pushfq, sti, nop and popfq of hal::pc::accept_interrupts(), in memory order.
#define ACCEPTING 0x9d90fb9c
#define ACCESS_FLAG (1 << 18)  // AC in rflags

.macro save_arguments base
  movq  %rax, CONTEXT_RAX(\base)
  movq  %rbx, CONTEXT_RBX(\base)
  movq  %rdx, CONTEXT_RDX(\base)
  movq  %rsi, CONTEXT_RSI(\base)
  movq  %rdi, CONTEXT_RDI(\base)
  movq  %r8, CONTEXT_R(8)(\base)
  movq  %r9, CONTEXT_R(9)(\base)
  movq  %r10, CONTEXT_R(10)(\base)
.endm
.macro load_arguments
  movq  CONTEXT_RDX(%rbx), %rdx
  movq  CONTEXT_RSI(%rbx), %rsi
  movq  CONTEXT_RDI(%rbx), %rdi
  movq  CONTEXT_R(8)(%rbx), %r8
  movq  CONTEXT_R(9)(%rbx), %r9
  movq  CONTEXT_R(10)(%rbx), %r10
.endm

// In: rbx = context. Saves the program's FS, and loads the kernel's FS and stack. Changes rcx.
.macro enter_kernel
  rdfsbase %rcx
  movq  %rcx, CONTEXT_FSBASE(%rbx)
  movq  CONTEXT_KERNEL_FS(%rbx), %rcx
  wrfsbase %rcx
  movq  CONTEXT_KERNEL_RSP(%rbx), %rsp
.endm

  .section .text.user_entry, "ax"

// In: rdi = context. Returns when the program traps. Out: rdx = cause. Changes all other registers
// but rsp.
  .globl cotrap_enter_user
  .type cotrap_enter_user, @function
  .balign 64
cotrap_enter_user:
  movq  %rdi, %rbx
  movq  %rsp, CONTEXT_KERNEL_RSP(%rbx)
  movq  %fs:0, %rax
  movq  %rax, CONTEXT_KERNEL_FS(%rbx)
  cmpl  $0, %fs:cotrap_pending@tpoff    // accepted interrupts, which interrupt no program
  jne   no_entry
  movq  %fs:hal_trap_stack@tpoff, %rax
  leaq  CONTEXT_FRAME_END(%rbx), %rcx
  cmpq  %rcx, (%rax)
  jne   other_context                   // the hart last ran another context
same_context:
  movq  CONTEXT_GSBASE(%rbx), %rax
  wrgsbase %rax
  movq  CONTEXT_RBP(%rbx), %rbp
  movq  CONTEXT_R(12)(%rbx), %r12
  movq  CONTEXT_R(13)(%rbx), %r13
  movq  CONTEXT_R(14)(%rbx), %r14
  movq  CONTEXT_R(15)(%rbx), %r15

// In: rbx = context, with the registers of a partial save.
to_program:
  movq  CONTEXT_FSBASE(%rbx), %rcx
  wrfsbase %rcx
  load_arguments
  movq  CONTEXT_RCX(%rbx), %rcx
  movq  CONTEXT_R(11)(%rbx), %r11
  movq  CONTEXT_RAX(%rbx), %rax
  leaq  CONTEXT_RIP(%rbx), %rsp
  movq  CONTEXT_RBX(%rbx), %rbx
  iretq

// The instruction syscall. In: rcx = the program counter behind it, r11 = the flags; the stack is
// the program's; the mask of flags (kernel_trap.cpp) has masked interrupts.
  .globl cotrap_syscall_entry
  .type cotrap_syscall_entry, @function
  .balign 64
cotrap_syscall_entry:
  swapgs
  movq  %rsp, %gs:CONTEXT_RSP
  rdgsbase %rsp
  swapgs
  save_arguments %rsp
  movq  %rsp, %rbx
  movq  %rcx, CONTEXT_RIP(%rbx)
  movq  %r11, CONTEXT_RFLAGS(%rbx)
  enter_kernel
  movq  $CAUSE_SYSCALL, CONTEXT_CAUSE(%rbx)
  movq  %rbx, %rdi
  btrl  $NATIVE_CALL_BIT, %eax
  jnc   compat_call
  cmpl  $FAST_PATH_CALLS, %eax
  jae   private_call
generic_call:
  movq  %rax, CONTEXT_NUMBER(%rbx)
look_up_call:
  leaq  cotrap_fast_path_table(%rip), %rcx
  call  *(%rcx,%rax,8)                  // rax: the result; rdx: 0, or run_user()'s cause
  testq %rdx, %rdx
  jnz   rest_of_save
  cmpl  $0, %fs:cotrap_pending@tpoff
  jne   answered_with_pending
  movq  CONTEXT_FSBASE(%rbx), %rcx
  wrfsbase %rcx
  load_arguments
  movq  CONTEXT_RIP(%rbx), %rcx
  movq  CONTEXT_RFLAGS(%rbx), %r11
  movq  CONTEXT_RSP(%rbx), %rsp
  movq  CONTEXT_RBX(%rbx), %rbx
  sysretq

private_call:
  movq  %rax, CONTEXT_NUMBER(%rbx)
  subl  $FIRST_PRIVATE_CALL, %eax
  cmpl  $FAST_PATH_PRIVATE_CALLS, %eax
  jae   cotrap_no_fast_path
  addl  $FAST_PATH_CALLS, %eax
  jmp   look_up_call

compat_call:
  cmpl  $COMPAT_CALLS, %eax
  jae   unknown_compat_call
  leaq  cotrap_generic_calls(%rip), %rcx
  movzwl (%rcx,%rax,2), %ecx
  testl %ecx, %ecx
  jz    special_compat_call
  movl  %ecx, %eax
  jmp   generic_call
unknown_compat_call:
  movl  $COMPAT_CALLS, %eax
special_compat_call:
  addl  $FIRST_COMPAT_CALL, %eax
  movq  %rax, CONTEXT_NUMBER(%rbx)

// The table's entry for calls without a fast path. In: rbx = context.
  .globl cotrap_no_fast_path
  .type cotrap_no_fast_path, @function
cotrap_no_fast_path:
  movl  $CAUSE_SYSCALL, %edx

// In: rbx = context, rdx = the cause; after a partial save. Saves the rest, and returns from
// cotrap_enter_user().
rest_of_save:
  movq  %rbp, CONTEXT_RBP(%rbx)
  movq  %r12, CONTEXT_R(12)(%rbx)
  movq  %r13, CONTEXT_R(13)(%rbx)
  movq  %r14, CONTEXT_R(14)(%rbx)
  movq  %r15, CONTEXT_R(15)(%rbx)
  rdgsbase %rcx
  movq  %rcx, CONTEXT_GSBASE(%rbx)
leave:
  movq  CONTEXT_KERNEL_RSP(%rbx), %rsp
  ret

no_entry:
  movl  $CAUSE_PENDING, %edx
  movq  %rdx, CONTEXT_CAUSE(%rbx)
  jmp   leave

other_context:
  movq  %rcx, (%rax)
  swapgs
  wrgsbase %rbx
  swapgs
  jmp   same_context

// An exception or an interrupt. In: the vector, the error code and the processor's frame on the
// stack. In a program this is the end of the context.
  .balign 64
trap:
  testb $3, (CONTEXT_CS - CONTEXT_CAUSE)(%rsp)
  jz    from_kernel
  subq  $CONTEXT_CAUSE, %rsp
  save_arguments %rsp
  movq  %rcx, CONTEXT_RCX(%rsp)
  movq  %r11, CONTEXT_R(11)(%rsp)
  movq  %rsp, %rbx
  cld
  enter_kernel
  testl $ACCESS_FLAG, CONTEXT_RFLAGS(%rbx)
  jnz   clear_access_flag
access_flag_is_clear:
  movq  CONTEXT_CAUSE(%rbx), %rsi
  movq  %rbx, %rdi
  cmpl  $FIRST_INTERRUPT, %esi
  jae   interrupt
  call  cotrap_serve_exception
served:                                 // rax: 0, or run_user()'s cause
  movq  %rax, %rdx
  testq %rax, %rax
  jnz   rest_of_save
  cmpl  $0, %fs:cotrap_pending@tpoff
  je    to_program
pending:
  movl  $CAUSE_PENDING, %esi
  movq  %rsi, CONTEXT_CAUSE(%rbx)
  jmp   serve_interrupt
interrupt:
  movl  %esi, %edi
  call  hal_accept_interrupt
  movq  CONTEXT_CAUSE(%rbx), %rsi
serve_interrupt:
  movq  %rbx, %rdi
  xorl  %edx, %edx                      // the handler claims
  call  cotrap_serve_interrupt
  jmp   served

// The processor keeps the program's flag AC, by which the kernel could access the program's memory.
// Processors without SMAP have no instruction `clac`.
clear_access_flag:
  pushfq
  andl  $~ACCESS_FLAG, (%rsp)
  popfq
  jmp   access_flag_is_clear

answered_with_pending:
  movq  %rax, CONTEXT_RAX(%rbx)
  jmp   pending

// ── Traps in the kernel ──

// An interrupt comes from a step of a preemptible job, or from the two functions of hal/ that
// accept interrupts: all other kernel code masks interrupts. It uses the interrupted stack. If that
// is broken, the processor's push faults, and the emergency stack reports it.
from_kernel:
  cmpq  $FIRST_INTERRUPT, (%rsp)
  jb    kernel_exception
  save_registers
  cld
  movq  9 * 8(%rsp), %rdi
  call  hal_accept_interrupt
  movq  11 * 8(%rsp), %rdi
  cmpl  $ACCEPTING, -3(%rdi)            // at popfq
  je    1f
  cmpl  $ACCEPTING, -2(%rdi)            // at nop: an NMI behind `sti` has ended its delay
  je    1f
  leaq  hal_halt_end(%rip), %rax
  cmpq  %rax, %rdi
  je    1f
  call  cotrap_interrupted_step
1:restore_registers
  addq  $16, %rsp
  iretq

// A double fault or a machine check. The stack is the emergency stack, at whose top is the hart's
// FS. It may have come from anywhere.
emergency:
  pushq %rax
  movq  (EMERGENCY_FS_OFFSET + 24)(%rsp), %rax
  wrfsbase %rax
  popq  %rax

// A bug of the kernel. In: the vector, the error code and the processor's frame on the stack.
kernel_exception:
  cld
  pushq %rbx
  movq  %fs:0, %rbx
  leaq  kernel_trap_record@tpoff(%rbx), %rbx
  movq  %rax, CONTEXT_RAX(%rbx)
  movq  %rcx, CONTEXT_RCX(%rbx)
  movq  %rdx, CONTEXT_RDX(%rbx)
  movq  %rsi, CONTEXT_RSI(%rbx)
  movq  %rdi, CONTEXT_RDI(%rbx)
  movq  %rbp, CONTEXT_RBP(%rbx)
  .irp n, 8,9,10,11,12,13,14,15
  movq  %r\n, CONTEXT_R(\n)(%rbx)
  .endr
  popq  CONTEXT_RBX(%rbx)
  popq  CONTEXT_CAUSE(%rbx)
  popq  CONTEXT_ERROR_CODE(%rbx)
  popq  CONTEXT_RIP(%rbx)
  popq  CONTEXT_CS(%rbx)
  popq  CONTEXT_RFLAGS(%rbx)
  popq  CONTEXT_RSP(%rbx)
  movq  %fs:0, %rax
  movq  hal_emergency_stack@tpoff(%rax), %rsp
  movq  %rbx, %rdi
  call  cotrap_report_kernel_trap       // does not return
2:hlt
  jmp   2b

// ── The gates ──

  .balign GATE_BYTES
  .globl cotrap_exception_gates
cotrap_exception_gates:
  .set vector, 0
  .rept FIRST_INTERRUPT
  .balign GATE_BYTES
  .if ((1 << vector) & VECTORS_WITH_ERROR) == 0
  pushq $0
  .endif
  .if vector == VECTOR_DIVIDE_ERROR
  pushq $CAUSE_DIVIDE_ERROR
  .else
  pushq $vector
  .endif
  .if vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_MACHINE_CHECK
  jmp   emergency
  .else
  jmp   trap
  .endif
  .set vector, vector + 1
  .endr

  .balign GATE_BYTES
  .globl cotrap_interrupt_gates
cotrap_interrupt_gates:
  .set vector, FIRST_INTERRUPT
  .rept VECTORS - FIRST_INTERRUPT
  .balign GATE_BYTES
  pushq $0
  pushq $vector
  jmp   trap
  .set vector, vector + 1
  .endr

  .section .tbss_large, "awT", @nobits
  .balign 16
kernel_trap_record:
  .zero CONTEXT_FRAME_END + STATE_SIZE + STATE_ALIGNMENT

  .section .note.GNU-stack, "", @progbits
