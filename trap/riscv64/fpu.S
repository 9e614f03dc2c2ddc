// Moves the 32 floating-point registers and fcsr to or from the trap::UserContext at a0. sstatus.FS
// must not be off.

#include "context_layout.h"

  .option arch, +d
  .section .text.fpu, "ax"

.macro move_fp_registers instruction
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  \instruction f\n, CONTEXT_F(\n)(a0)
  .endr
.endm

  .globl cotrap_fpu_save
  .type cotrap_fpu_save, @function
cotrap_fpu_save:
  frcsr t0
  sw    t0, CONTEXT_FCSR(a0)
  move_fp_registers fsd
  ret

  .globl cotrap_fpu_load
  .type cotrap_fpu_load, @function
cotrap_fpu_load:
  move_fp_registers fld
  lw    t0, CONTEXT_FCSR(a0)
  fscsr t0
  ret
