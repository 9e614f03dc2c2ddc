// cotrap_claim() of trap/claim.h, for places where the kernel takes interrupts without a trap.
#include "claim.inc"

  .section .text.claim, "ax"
  .globl cotrap_claim
  .type cotrap_claim, @function
  .balign 4
cotrap_claim:
  claim_external a0
  ret
