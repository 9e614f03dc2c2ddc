// The entries of the interrupt descriptor table: one for each vector. All save the registers that
// C++ functions may change.

#include <hal/machine/vectors.h>
#include <hal/machine/saved_registers.inc>

  .section .text.gates, "ax"

// ── Interrupts in the kernel. The processor has pushed ss, rsp, rflags, cs and rip. ──

  .balign GATE_BYTES
  .globl interrupt_gates
interrupt_gates:
  .set vector, FIRST_INTERRUPT
  .rept VECTORS - FIRST_INTERRUPT
  .balign GATE_BYTES
  pushq $vector
  jmp   interrupt
  .set vector, vector + 1
  .endr

  .balign 16
interrupt:
  save_registers
  movq  9 * 8(%rsp), %rdi
  subq  $8, %rsp  // the ABI's alignment
  cld
  call  hal_accept_interrupt
  addq  $8, %rsp
  restore_registers
  addq  $8, %rsp
  iretq

// ── Exceptions: the kernel reports them, and ends. Some push an error code. ──

  .balign GATE_BYTES
  .globl exception_gates
exception_gates:
  .set vector, 0
  .rept FIRST_INTERRUPT
  .balign GATE_BYTES
  .if ((1 << vector) & VECTORS_WITH_ERROR) == 0
  pushq $0
  .endif
  pushq $vector
  jmp   exception
  .set vector, vector + 1
  .endr

  .balign 16
exception:
  movq  %rsp, %rdi
  andq  $-16, %rsp
  cld
  call  hal_report_exception
1:hlt
  jmp   1b

// ── The non-maskable interrupt, by which harts flush each other's TLBs. It may arrive anywhere, also
// where the stack or FS is a program's: it has a stack of its own, on which the hart's number is the
// topmost word. ──

  .balign 16
  .globl nmi_gate
nmi_gate:
  save_registers
  movl  NMI_HART_OFFSET + 9 * 8(%rsp), %edi
  cld
  call  hal_serve_flushes

  // In hal_halt() an NMI may arrive between `sti` and `hlt`. The processor may then accept an
  // interrupt before `hlt`, and would sleep although there is work. So the gate skips `hlt`.
  leaq  halt(%rip), %rax
  cmpq  %rax, 9 * 8(%rsp)
  jne   2f
  leaq  hal_halt_end(%rip), %rax
  movq  %rax, 9 * 8(%rsp)
2:restore_registers
  iretq

// void hal_halt(): sleeps until an interrupt arrives, and accepts it. Interrupts are masked before
// and after. `sti` takes effect after the next instruction, so none arrives before the hart sleeps.
  .balign 16
  .globl hal_halt, hal_halt_end
hal_halt:
  sti
halt:
  hlt
hal_halt_end:
  cli
  ret
