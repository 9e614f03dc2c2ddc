// Takes an interrupt while sp is broken. See trap/broken_stack.h.

#include <hal/machine/privilege_layout.h>

  .section .text.broken_stack, "ax"

// In: a0 = the broken stack pointer.
  .globl cotrap_unmask_on_stack
  .type cotrap_unmask_on_stack, @function
  .balign 4
cotrap_unmask_on_stack:
  mv    t0, sp
  mv    sp, a0
  csrsi CSR(status), STATUS_INTERRUPTS  // the pending interrupt comes here
  csrci CSR(status), STATUS_INTERRUPTS
  mv    sp, t0
  ret
