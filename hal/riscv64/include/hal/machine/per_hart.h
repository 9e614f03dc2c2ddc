// riscv64: access to per-hart variables from a preemptible job, which may resume on another hart. A
// compiler may keep the address of a thread_local; these macros use tp each time. kernel.ld ensures
// that one instruction can address all of these variables.
#pragma once

// The value of an `int`-sized variable. `symbol`: its assembler name.
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
// The value of the pointer that is stored `offset` bytes into a variable.
#define HAL_LOAD_PER_HART_POINTER(symbol, offset)         \
  ({                                                      \
    void* value_;                                         \
    asm volatile("ld %0, %%tprel_lo(" symbol " + %1)(tp)" \
                 : "=r"(value_)                           \
                 : "i"(offset)                            \
                 : "memory");                             \
    value_;                                               \
  })
