# See registers.h.
#include "registers.h"

        # All integer registers except x5 and x31, which are base and scratch.
        .macro  each operation, area, base
        .irp    n, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
        \operation x\n, \area + 8 * \n(\base)
        .endr
        .endm

        .macro  each_floating operation, area, base
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \operation f\n, \area + 8 * \n(\base)
        .endr
        .endm

        # The callee-saved registers, and ra, sp, gp and tp.
        .macro  each_kept operation, base
        .set    slot, KEPT
        .irp    n, 1, 2, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
        \operation x\n, slot(\base)
        .set    slot, slot + 8
        .endr
        .endm

        # Of these, the ones that a step of a program keeps when it moves to another thread.
        .macro  each_kept_of_step operation, base
        .set    slot, KEPT
        .irp    n, 1, 2, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
        \operation x\n, slot(\base)
        .set    slot, slot + 8
        .endr
        .endm

        .macro  each_floating_kept operation
        .set    slot, 0
        .irp    n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
        \operation f\n, slot(sp)
        .set    slot, slot + 8
        .endr
        .endm

        .macro  fill base, other, other_number
        addi    sp, sp, -96
        each_floating_kept fsd
        mv      \base, a0
        each_kept sd, \base
        ld      t1, MODES_IN(\base)
        fscsr   t1
        each_floating fld, VECTOR_IN, \base
        ld      \other, INTEGER_IN + 8 * \other_number(\base)
        each    ld, INTEGER_IN, \base
        .endm

        .macro  empty base, base_number, other, other_number
        each    sd, INTEGER_OUT, \base
        sd      \other, INTEGER_OUT + 8 * \other_number(\base)
        sd      \base, INTEGER_OUT + 8 * \base_number(\base)
        each_floating fsd, VECTOR_OUT, \base
        frcsr   t1
        sd      t1, MODES_OUT(\base)
        fscsr   zero
        each_kept ld, \base
        each_floating_kept fld
        addi    sp, sp, 96
        ret
        .endm

        .macro  each_of_step operation, area, base
        .irp    n, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
        \operation x\n, \area + 8 * \n(\base)
        .endr
        .endm

        .text
        .globl  call_with_first_base
call_with_first_base:
        fill    x31, x5, 5
        ecall
        empty   x31, 31, x5, 5

        .globl  call_with_second_base
call_with_second_base:
        fill    x5, x31, 31
        ecall
        empty   x5, 5, x31, 31

        .globl  spin_with_first_base
spin_with_first_base:
        fill    x31, x5, 5
1:      addi    x6, x6, -1
        bnez    x6, 1b
        empty   x31, 31, x5, 5

        .globl  spin_with_second_base
spin_with_second_base:
        fill    x5, x31, 31
1:      addi    x6, x6, -1
        bnez    x6, 1b
        empty   x5, 5, x31, 31

        .globl  spin_on_any_thread
spin_on_any_thread:
        addi    sp, sp, -96
        each_floating_kept fsd
        mv      x31, a0
        each_kept_of_step sd, x31
        ld      t1, MODES_IN(x31)
        fscsr   t1
        each_floating fld, VECTOR_IN, x31
        each_of_step ld, INTEGER_IN, x31
1:      addi    x6, x6, -1
        bnez    x6, 1b
        each_of_step sd, INTEGER_OUT, x31
        each_floating fsd, VECTOR_OUT, x31
        frcsr   t1
        sd      t1, MODES_OUT(x31)
        fscsr   zero
        each_kept_of_step ld, x31
        each_floating_kept fld
        addi    sp, sp, 96
        ret
