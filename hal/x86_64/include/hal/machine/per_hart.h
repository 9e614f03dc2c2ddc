// x86_64: access to per-hart variables from a preemptible job, which may resume on another hart. A
// compiler may keep the address of a thread_local; these macros use fs each time, with one
// instruction.
#pragma once

// The value of an `int`-sized variable. `symbol`: its assembler name.
#define HAL_LOAD_PER_HART_WORD(symbol)                                       \
  ({                                                                         \
    unsigned value_;                                                         \
    asm volatile("movl %%fs:" symbol "@tpoff, %0" : "=r"(value_)::"memory"); \
    value_;                                                                  \
  })
#define HAL_STORE_PER_HART_WORD(symbol, value) \
  asm volatile("movl %0, %%fs:" symbol "@tpoff" ::"ri"(value) : "memory")
// The address of the running hart's variable. The word at fs:0 holds the base address of fs.
#define HAL_ADDRESS_PER_HART(symbol)                                                   \
  ({                                                                                   \
    void* address_;                                                                    \
    asm volatile("movq %%fs:0, %0\n\tleaq " symbol "@tpoff(%0), %0" : "=r"(address_)); \
    address_;                                                                          \
  })
// The value of the pointer that is stored `offset` bytes into a variable.
#define HAL_LOAD_PER_HART_POINTER(symbol, offset)                                               \
  ({                                                                                            \
    void* value_;                                                                               \
    asm volatile("movq %%fs:" symbol "@tpoff+%c1, %0" : "=r"(value_) : "i"(offset) : "memory"); \
    value_;                                                                                     \
  })
