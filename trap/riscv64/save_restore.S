// Moves the user's integer registers to or from the trap::UserContext at `a0`. The including file
// moves a0 (x10) itself.
#include <hal/machine/privilege_layout.h>

#include "context_layout.h"

.macro move_registers instruction, registers:vararg
  .irp n, \registers
  \instruction x\n, CONTEXT_X(\n)(a0)
  .endr
.endm

.macro move_user_registers instruction
  move_registers \instruction, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
.endm

// The registers of the partial save, except a0, t0 and t1, and those of the rest of the save.
.macro move_partially instruction
  move_registers \instruction, 1, 2, 4, 7, 8, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
.endm
.macro move_rest instruction
  move_registers \instruction, 3, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
.endm

#define A0_SLOT CONTEXT_X(10)(a0)

// In: a0 = context, t0 = the program counter, a1 = run_user()'s cause; after a partial save. Saves
// the rest, and returns from run_user().
.macro leave_user
  sd    t0, CONTEXT_PC(a0)
  move_rest sd
  ld    ra, CONTEXT_KERNEL_PC(a0)
  ret
.endm

// In: s0 = context. Sets sscratch to the context, and restores the registers of the partial save,
// t0 and t1 too, but not a0.
.macro restore_partially
  csrw  CSR(scratch), s0
  .irp n, 1, 2, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31, 8
  ld    x\n, CONTEXT_X(\n)(s0)
  .endr
.endm
