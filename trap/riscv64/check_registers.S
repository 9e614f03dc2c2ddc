// Fills every register with a different value and checks all of them in a loop. See
// trap/check_registers.h. t5 and t6 are scratch; gp and tp belong to the hart.

#include "context_layout.h"

#define STEP 257
#define FRAME_SIZE 112

// Applies `operation` to each checked register and the one before it. ra is the first.
.macro each_register operation
  \operation t0, ra
  \operation t1, t0
  \operation t2, t1
  \operation t3, t2
  \operation t4, t3
  \operation a0, t4
  \operation a1, a0
  \operation a2, a1
  \operation a3, a2
  \operation a4, a3
  \operation a5, a4
  \operation a6, a5
  \operation a7, a6
  \operation s1, a7
  \operation s2, s1
  \operation s3, s2
  \operation s4, s3
  \operation s5, s4
  \operation s6, s5
  \operation s7, s6
  \operation s8, s7
  \operation s9, s8
  \operation s10, s9
  \operation s11, s10
.endm

.macro move_callee_saved instruction
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11
  \instruction s\n, 8 * \n(sp)
  .endr
  \instruction ra, 96(sp)
.endm

.macro fill register, before
  addi  \register, \before, STEP
.endm

.macro look register, before
  addi  t6, \before, STEP
  bne   t6, \register, changed
.endm

  .section .text.check_registers, "ax"

// In: a0 = CheckRegisters, in s0 from then on. Out: a0 = 1 if all registers kept their values.
  .globl cotrap_check_registers
  .type cotrap_check_registers, @function
  .balign 4
cotrap_check_registers:
  addi  sp, sp, -FRAME_SIZE
  move_callee_saved sd
  mv    s0, a0
  sd    s0, CHECK_SELF(s0)
  sd    sp, CHECK_SP(s0)
  ld    ra, CHECK_SEED(s0)
  each_register fill

round:
  ld    t6, CHECK_SEED(s0)
  bne   t6, ra, changed
  each_register look
  ld    t6, CHECK_SP(s0)
  bne   t6, sp, changed
  ld    t6, CHECK_SELF(s0)
  bne   t6, s0, changed
  ld    t6, CHECK_ROUNDS(s0)
  addi  t6, t6, 1
  sd    t6, CHECK_ROUNDS(s0)
  ld    t6, CHECK_STOP(s0)
  bnez  t6, unchanged
  ld    t5, CHECK_UNTIL(s0)
  rdtime t6
  bltu  t6, t5, round

unchanged:
  li    a0, 1
  j     leave
changed:
  li    a0, 0
leave:
  ld    sp, CHECK_SP(s0)
  move_callee_saved ld
  addi  sp, sp, FRAME_SIZE
  ret
