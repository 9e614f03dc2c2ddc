// Moves the user's integer registers to or from the trap::UserContext at `a0`. The including file
// moves a0 (x10) itself.
#include "context_layout.h"

.macro move_registers instruction, registers:vararg
  .irp n, \registers
  \instruction x\n, CONTEXT_X(\n)(a0)
  .endr
.endm

.macro move_user_registers instruction
  move_registers \instruction, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
.endm

#define A0_SLOT CONTEXT_X(10)(a0)
