// Moves the 32 vector registers to or from memory. sstatus.VS must not be off.

#include "context_layout.h"

  .option arch, +v
  .section .text.fpu, "ax"

// Moves v0 to v31 in four groups of eight. In: a1 = their address in memory. Changes a1 and t0.
.macro move_vector_registers instruction
  csrr  t0, vlenb
  slli  t0, t0, 3
  \instruction v0, (a1)
  add   a1, a1, t0
  \instruction v8, (a1)
  add   a1, a1, t0
  \instruction v16, (a1)
  add   a1, a1, t0
  \instruction v24, (a1)
.endm

// In: a0 = VectorState. Vector instructions begin at the element vstart, so it must be 0 first.
  .globl cotrap_vectors_save
  .type cotrap_vectors_save, @function
cotrap_vectors_save:
  csrr  t0, vstart
  csrr  t1, vl
  csrr  t2, vtype
  csrr  t3, vcsr
  sd    t0, VECTORS_VSTART(a0)
  sd    t1, VECTORS_VL(a0)
  sd    t2, VECTORS_VTYPE(a0)
  sd    t3, VECTORS_VCSR(a0)
  csrw  vstart, zero
  ld    a1, VECTORS_REGISTERS(a0)
  move_vector_registers vs8r.v
  ret

// In: a0 = VectorState. vsetvl sets vl to the smaller one of t1 and the longest length of vtype.
  .globl cotrap_vectors_load
  .type cotrap_vectors_load, @function
cotrap_vectors_load:
  csrw  vstart, zero
  ld    a1, VECTORS_REGISTERS(a0)
  move_vector_registers vl8re8.v
  ld    t1, VECTORS_VL(a0)
  ld    t2, VECTORS_VTYPE(a0)
  ld    t3, VECTORS_VCSR(a0)
  ld    t0, VECTORS_VSTART(a0)
  vsetvl zero, t1, t2
  csrw  vcsr, t3
  csrw  vstart, t0
  ret

// In: a0 = the value of each byte, a1 = vcsr. Sets vtype to vill, which no vector instruction
// accepts, and vl and vstart to 0.
  .globl cotrap_vectors_fill
  .type cotrap_vectors_fill, @function
cotrap_vectors_fill:
  vsetvli t0, zero, e8, m8, ta, ma      // also sets vstart to 0
  vmv.v.x v0, a0
  vmv.v.x v8, a0
  vmv.v.x v16, a0
  vmv.v.x v24, a0
  li    t1, 1
  slli  t1, t1, 63
  vsetvl zero, t0, t1
  csrw  vcsr, a1
  ret
