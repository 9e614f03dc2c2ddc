// riscv64: what an interrupted step that may go on on another hart can read of its hart. A compiler
// may keep the address of a thread_local; these read tp anew each time. kernel.ld sees to it that
// all of these variables are reached in one instruction.
#pragma once

// The value of an `int`-sized variable, by its symbol.
#define HAL_LOAD_PER_HART_WORD(symbol)                                \
  ({                                                                  \
    unsigned value_;                                                  \
    asm volatile("lw %0, %%tprel_lo(" symbol ")(tp)" : "=r"(value_)); \
    value_;                                                           \
  })
// The address of the running hart's variable.
#define HAL_ADDRESS_PER_HART(symbol)                                      \
  ({                                                                      \
    void* address_;                                                       \
    asm volatile("addi %0, tp, %%tprel_lo(" symbol ")" : "=r"(address_)); \
    address_;                                                             \
  })
// A pointer that is a member, `offset` bytes into a variable.
#define HAL_LOAD_PER_HART_POINTER(symbol, offset)         \
  ({                                                      \
    void* value_;                                         \
    asm volatile("ld %0, %%tprel_lo(" symbol " + %1)(tp)" \
                 : "=r"(value_)                           \
                 : "i"(offset)                            \
                 : "memory");                             \
    value_;                                               \
  })
