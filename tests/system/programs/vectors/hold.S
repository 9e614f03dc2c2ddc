# See hold.h. Vector instructions begin at the element vstart, which must be 0 for loads and stores.
#include "hold.h"

        .option arch, +v
        .macro  each_register operation
        csrr    t1, vlenb
        slli    t1, t1, 3
        \operation v0, (t0)
        add     t0, t0, t1
        \operation v8, (t0)
        add     t0, t0, t1
        \operation v16, (t0)
        add     t0, t0, t1
        \operation v24, (t0)
        .endm

        .text
        .globl  hold_vectors
hold_vectors:
        csrw    vstart, zero
        ld      t0, HOLD_IN(a0)
        each_register vl8re8.v
        ld      t0, HOLD_GIVEN(a0)
        ld      t1, HOLD_GIVEN + 8(a0)
        ld      t2, HOLD_GIVEN + 16(a0)
        ld      t3, HOLD_GIVEN + 24(a0)
        vsetvl  zero, t0, t1
        csrw    vcsr, t2
        csrw    vstart, t3
        ld      t0, HOLD_COUNT(a0)
1:      addi    t0, t0, -1
        bnez    t0, 1b

        .globl  read_vectors
read_vectors:
        csrr    t0, vl
        csrr    t1, vtype
        csrr    t2, vcsr
        csrr    t3, vstart
        sd      t0, HOLD_FOUND(a0)
        sd      t1, HOLD_FOUND + 8(a0)
        sd      t2, HOLD_FOUND + 16(a0)
        sd      t3, HOLD_FOUND + 24(a0)
        csrw    vstart, zero
        ld      t0, HOLD_OUT(a0)
        each_register vs8r.v
        ret
