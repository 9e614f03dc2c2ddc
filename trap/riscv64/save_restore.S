// The user's integer registers to and from a trap::UserContext at `a0`. x10 (a0) itself is left to
// the code around it, which has it somewhere else.
#include "context_layout.h"

.macro move_user_registers instruction
  \instruction x1, CONTEXT_X(1)(a0)
  \instruction x2, CONTEXT_X(2)(a0)
  \instruction x3, CONTEXT_X(3)(a0)
  \instruction x4, CONTEXT_X(4)(a0)
  \instruction x5, CONTEXT_X(5)(a0)
  \instruction x6, CONTEXT_X(6)(a0)
  \instruction x7, CONTEXT_X(7)(a0)
  \instruction x8, CONTEXT_X(8)(a0)
  \instruction x9, CONTEXT_X(9)(a0)
  \instruction x11, CONTEXT_X(11)(a0)
  \instruction x12, CONTEXT_X(12)(a0)
  \instruction x13, CONTEXT_X(13)(a0)
  \instruction x14, CONTEXT_X(14)(a0)
  \instruction x15, CONTEXT_X(15)(a0)
  \instruction x16, CONTEXT_X(16)(a0)
  \instruction x17, CONTEXT_X(17)(a0)
  \instruction x18, CONTEXT_X(18)(a0)
  \instruction x19, CONTEXT_X(19)(a0)
  \instruction x20, CONTEXT_X(20)(a0)
  \instruction x21, CONTEXT_X(21)(a0)
  \instruction x22, CONTEXT_X(22)(a0)
  \instruction x23, CONTEXT_X(23)(a0)
  \instruction x24, CONTEXT_X(24)(a0)
  \instruction x25, CONTEXT_X(25)(a0)
  \instruction x26, CONTEXT_X(26)(a0)
  \instruction x27, CONTEXT_X(27)(a0)
  \instruction x28, CONTEXT_X(28)(a0)
  \instruction x29, CONTEXT_X(29)(a0)
  \instruction x30, CONTEXT_X(30)(a0)
  \instruction x31, CONTEXT_X(31)(a0)
.endm

#define A0_SLOT CONTEXT_X(10)(a0)
