// Takes an interrupt while sp is broken. See trap/broken_stack.h.

#define SSTATUS_SIE 2

  .section .text.broken_stack, "ax"

// In: a0 = the broken stack pointer.
  .globl cotrap_unmask_on_stack
  .type cotrap_unmask_on_stack, @function
  .balign 4
cotrap_unmask_on_stack:
  mv    t0, sp
  mv    sp, a0
  csrsi sstatus, SSTATUS_SIE            // the pending interrupt comes here
  csrci sstatus, SSTATUS_SIE
  mv    sp, t0
  ret
