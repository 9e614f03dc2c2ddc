// The entry of all signal handlers. It sets the kernel's fs, whichever was live. From
// cotrap_signal_entry to cotrap_signal_end, Linux executes all `syscall` instructions instead of
// raising SIGSYS (trap/signal.h). The return from a signal is such a system call.
#include "context_layout.h"

#define SYSCALL_RT_SIGRETURN 15
#define SYSCALL_ARCH_PRCTL 158
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

#define ALIGNMENT_CHECK 0x40000

#define EMULATED_COMPONENTS 7           /* x87, SSE, AVX */
#define EMULATED_STATE_SIZE 832

#define MODE_WRFSBASE 1
#define MODE_ARCH_PRCTL 2
#define MODE_FAULT 4

  .section .text.cotrap_window, "ax", @progbits

// rsi := a segment base, by arch_prctl. Uses the stack's top; changes rax, rcx, rdi, r11.
.macro get_base operation
  movl  $\operation, %edi
  movq  %rsp, %rsi
  movl  $SYSCALL_ARCH_PRCTL, %eax
  syscall
  movq  (%rsp), %rsi
.endm
.macro set_fs                            // fs base := rsi
  movl  $ARCH_SET_FS, %edi
  movl  $SYSCALL_ARCH_PRCTL, %eax
  syscall
.endm

// In: edi = signal, rsi = siginfo_t, rdx = ucontext_t. Keeps them in r12 … r14. rbx = the fs base
// to restore, or 0.
  .globl cotrap_signal_entry
  .type cotrap_signal_entry, @function
  .balign 16
cotrap_signal_entry:
  cmpb  $0, cotrap_is_emulated(%rip)
  jne   with_vectors_to_add
with_vectors:
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushfq                                 // clears AC, which Linux leaves as the program set it
  andq  $~ALIGNMENT_CHECK, (%rsp)
  popfq
  subq  $24, %rsp
  xorl  %ebx, %ebx
  movl  %edi, %r12d
  movq  %rsi, %r13
  movq  %rdx, %r14
  cmpb  $MODE_WRFSBASE, cotrap_segments(%rip)
  je    with_wrfsbase
  cmpb  $MODE_ARCH_PRCTL, cotrap_segments(%rip)
  je    with_arch_prctl
  cmpb  $MODE_FAULT, cotrap_segments(%rip)
  je    with_hidden_fs
with_own_fs:
  movzbl %fs:cotrap_hart@tpoff+HART_SYSCALLS, %eax
  movb  %al, 16(%rsp)
  movb  $0, %fs:cotrap_hart@tpoff+HART_SYSCALLS
  movl  %r12d, %edi
  movq  %r13, %rsi
  movq  %r14, %rdx
  movq  %rbx, %rcx
  call  cotrap_signal
  movzbl 16(%rsp), %eax
  movb  %al, %fs:cotrap_hart@tpoff+HART_SYSCALLS
  testq %rbx, %rbx
  jz    fs_is_back
  cmpb  $MODE_ARCH_PRCTL, cotrap_segments(%rip)
  je    back_with_arch_prctl
  wrfsbase %rbx
fs_is_back:
  addq  $24, %rsp
  popq  %r14
  popq  %r13
  popq  %r12
  popq  %rbx
  ret

with_wrfsbase:
  rdgsbase %rax
  testq %rax, %rax
  jz    with_own_fs                      // no hart's thread: fs is the kernel's
  rdfsbase %rbx
  movq  %gs:HART_KERNEL_FS, %rax
  wrfsbase %rax
  jmp   with_own_fs

with_hidden_fs:
  rdfsbase %rax
  testq %rax, %rax
  jns   with_own_fs
  movq  %rax, %rbx
  movabsq %fs:HIDDEN(HART_KERNEL_FS), %rax
  wrfsbase %rax
  jmp   with_own_fs

with_arch_prctl:
  get_base ARCH_GET_GS
  testq %rsi, %rsi
  jz    with_own_fs
  get_base ARCH_GET_FS
  movq  %rsi, %rbx
  movq  %gs:HART_KERNEL_FS, %rsi
  set_fs
  jmp   with_own_fs
back_with_arch_prctl:
  movq  %rbx, %rsi
  set_fs
  jmp   fs_is_back

// Under valgrind: stores the vector registers, which are still unchanged. Puts a pointer to them
// into the signal frame, and Linux's mark that the area is longer than 512 bytes.
with_vectors_to_add:
  pushq %rbp
  movq  %rsp, %rbp
  subq  $EMULATED_STATE_SIZE, %rsp
  andq  $-STATE_ALIGNMENT, %rsp
  movq  %rsp, FRAME_VECTORS(%rdx)
  movq  %rdx, %rcx
  xorl  %eax, %eax
  .irp word, 0,8,16,24,32,40,48,56
  movq  %rax, STATE_XSTATE_BV + \word(%rsp)
  .endr
  movl  $EMULATED_COMPONENTS, %eax
  xorl  %edx, %edx
  xsave64 (%rsp)
  movl  $STATE_MAGIC, STATE_NOTE(%rsp)
  movl  $EMULATED_STATE_SIZE, STATE_NOTE + 16(%rsp)
  movq  %rcx, %rdx
  call  with_vectors
  leave
  ret

  .globl cotrap_signal_return
  .type cotrap_signal_return, @function
  .balign 16
cotrap_signal_return:
  movl  $SYSCALL_RT_SIGRETURN, %eax
  syscall
  ud2         // Linux tests whether the address after `syscall` is in the range; ud2 keeps it there
  .globl cotrap_signal_end
cotrap_signal_end:

  .section .note.GNU-stack, "", @progbits
