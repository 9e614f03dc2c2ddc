// Enters a program by a jump, and leaves it when it calls the gate. Three variants: the hart's record
// is found through fs or through gs, or through fs at another offset while the program runs
// (trap/segments.h). window.inc holds their common text.
#include "context_layout.h"

// Flags that must be 0 in compiled code: direction (bit 10), single step (8), alignment check (18),
// nested task (14).
#define KERNEL_FLAGS_CLEAR 0x44500

// A trap::Trap in two registers: {syscall, cause = gate_call} and {interrupt, cause =
// asynchronous}. signal.cpp checks them.
#define GATE_TRAP 0x0000010000000000
#define ABANDON_TRAP 0x0000010100000002

#define SYSCALL_ARCH_PRCTL 158
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002

  .section .rodata.cotrap_window, "a", @progbits
  .balign 8
kernel_flags:
  .quad 0x2
kernel_mxcsr:
  .long 0x1f80
kernel_fcw:
  .short 0x37f

.macro LOAD offset, base, register
  movq  \offset(\base), \register
.endm
.macro STORE offset, base, register
  movq  \register, \offset(\base)
.endm

// Moves all registers but rdi and rsp, which the caller moves.
.macro move_general operation, base
  \operation CONTEXT_RAX, \base, %rax
  \operation CONTEXT_RBX, \base, %rbx
  \operation CONTEXT_RCX, \base, %rcx
  \operation CONTEXT_RDX, \base, %rdx
  \operation CONTEXT_RSI, \base, %rsi
  \operation CONTEXT_RBP, \base, %rbp
  .irp n, 8,9,10,11,12,13,14,15
  \operation CONTEXT_R(\n), \base, %r\n
  .endr
.endm

.macro LOAD_XMM n
  movaps STATE_XMM(\n)(%rdx), %xmm\n
.endm
.macro STORE_XMM n
  movaps %xmm\n, STATE_XMM(\n)(%rdx)
.endm
.macro move_xmm operation
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
  \operation\()_XMM \n
  .endr
.endm

// arch_prctl(operation, rsi). Changes rax, rcx, rdi and r11.
.macro arch_prctl operation
  movl  $\operation, %edi
  movl  $SYSCALL_ARCH_PRCTL, %eax
  syscall
.endm

// ── Variant fs: fs is the kernel's, gs is the program's ─────────────────────────────────────────
// cotrap_gs_field: the offset of the gs base in the context. segments.cpp sets it with the mode.

// The variant of a hidden fs uses these macros, too: `by` is the variant.
.macro fs_restore_segments by
  movl  cotrap_gs_field(%rip), %ecx
  movq  (%rdi,%rcx), %rax
  cmpq  %fs:cotrap_hart@tpoff+HART_LOADED_GS, %rax
  jne   cotrap_\by\()_load_gs
cotrap_\by\()_gs_loaded:
.endm

// A signal may end the entry between the change of gs and the store of HART_LOADED_GS. So the field
// has a value meanwhile that no context has, and the next entry loads gs again.
.macro fs_restore_segments_slowly by
cotrap_\by\()_load_gs:
  movq  $-1, %fs:cotrap_hart@tpoff+HART_LOADED_GS
  cmpb  $0, cotrap_bases_writable(%rip)
  je    1f
  wrgsbase %rax
  movq  %rax, %fs:cotrap_hart@tpoff+HART_LOADED_GS
  jmp   cotrap_\by\()_gs_loaded
1:
  movq  %rdi, %rbx
  movq  %rax, %rsi
  arch_prctl ARCH_SET_GS
  movq  %rsi, %fs:cotrap_hart@tpoff+HART_LOADED_GS
  movq  %rbx, %rdi
  jmp   cotrap_\by\()_gs_loaded
.endm

// Saves gs, which a program may have written. The value stays loaded until an entry needs another
// one.
.macro fs_save_segments
  cmpb  $0, cotrap_bases_writable(%rip)
  je    1f
  movl  cotrap_gs_field(%rip), %ecx
  rdgsbase %rax
  movq  %rax, (%rdi,%rcx)
  movq  %rax, %fs:cotrap_hart@tpoff+HART_LOADED_GS
1:
.endm
.macro fs_save_segments_slowly
.endm
.macro fs_kernel_segments
.endm

#define NAME(place) cotrap_fs_##place
#define HART(field) %fs:cotrap_hart@tpoff+field
#define HIDES_FS 0
#define restore_segments fs_restore_segments fs
#define restore_segments_slowly fs_restore_segments_slowly fs
#define save_segments fs_save_segments
#define save_segments_slowly fs_save_segments_slowly
#define kernel_segments fs_kernel_segments
#include "window.inc"
#undef NAME
#undef HIDES_FS
#undef restore_segments
#undef restore_segments_slowly
#undef kernel_segments

// ── Variant hidden: as the variant fs, but the program's fs base faults ─────────────────────────

.macro hidden_kernel_segments
  rdfsbase %rcx
  testq %rcx, %rcx
  jns   1f
  movabsq $HIDDEN_FS_DISTANCE, %rsi
  movq  HART_KERNEL_FS(%rcx,%rsi), %rcx
  wrfsbase %rcx
1:
.endm

#define NAME(place) cotrap_hidden_##place
#define HIDES_FS 1
#define restore_segments fs_restore_segments hidden
#define restore_segments_slowly fs_restore_segments_slowly hidden
#define kernel_segments hidden_kernel_segments
#include "window.inc"
#undef NAME
#undef HART
#undef HIDES_FS
#undef restore_segments
#undef restore_segments_slowly
#undef save_segments
#undef save_segments_slowly
#undef kernel_segments

// ── Variant gs: gs is the hart's record, fs is the program's if its base is not 0 ────────────────

.macro gs_restore_segments
  movq  CONTEXT_FSBASE(%rdi), %rax
  testq %rax, %rax
  jz    cotrap_gs_fs_loaded
  movb  $1, %gs:HART_FS_IS_USERS
  cmpb  $0, cotrap_bases_writable(%rip)
  je    cotrap_gs_load_fs
  wrfsbase %rax
cotrap_gs_fs_loaded:
.endm

.macro gs_restore_segments_slowly
cotrap_gs_load_fs:
  movq  %rdi, %rbx
  movq  %rax, %rsi
  arch_prctl ARCH_SET_FS
  movq  %rbx, %rdi
  jmp   cotrap_gs_fs_loaded
.endm

.macro gs_save_segments
  cmpb  $0, %gs:HART_FS_IS_USERS
  je    cotrap_gs_fs_saved
  movq  %gs:HART_KERNEL_FS, %rsi
  cmpb  $0, cotrap_bases_writable(%rip)
  je    cotrap_gs_save_fs
  rdfsbase %rax
  movq  %rax, CONTEXT_FSBASE(%rdi)
  wrfsbase %rsi
  movb  $0, %gs:HART_FS_IS_USERS
cotrap_gs_fs_saved:
.endm

.macro gs_save_segments_slowly
cotrap_gs_save_fs:
  movq  %rdi, %rbx
  arch_prctl ARCH_SET_FS
  movq  %rbx, %rdi
  movb  $0, %gs:HART_FS_IS_USERS
  jmp   cotrap_gs_fs_saved
.endm

.macro gs_kernel_segments
  cmpb  $0, %gs:HART_FS_IS_USERS
  je    2f
  movq  %gs:HART_KERNEL_FS, %rsi
  cmpb  $0, cotrap_bases_writable(%rip)
  je    1f
  wrfsbase %rsi
  movb  $0, %gs:HART_FS_IS_USERS
  jmp   2f
1:
  movq  %rax, %r8
  arch_prctl ARCH_SET_FS
  movq  %r8, %rax
  movb  $0, %gs:HART_FS_IS_USERS
2:
.endm

#define NAME(place) cotrap_gs_##place
#define HIDES_FS 0
#define HART(field) %gs:field
#define restore_segments gs_restore_segments
#define restore_segments_slowly gs_restore_segments_slowly
#define save_segments gs_save_segments
#define save_segments_slowly gs_save_segments_slowly
#define kernel_segments gs_kernel_segments
#include "window.inc"

// Another name of the gate, for programs that are linked with the kernel. It works in every mode.
  .section .text.cotrap_window, "ax", @progbits
  .globl syscall_fn_entry
  .type syscall_fn_entry, @function
  .balign 16
syscall_fn_entry:
  jmpq  *cotrap_gate(%rip)

  .section .note.GNU-stack, "", @progbits
