// x86_64: what an interrupted step that may go on on another hart can read of its hart. A compiler
// may keep the address of a thread_local; these go by fs anew each time, an instruction each.
#pragma once

// The value of an `int`-sized variable, by its symbol.
#define HAL_LOAD_PER_HART_WORD(symbol)                                       \
  ({                                                                         \
    unsigned value_;                                                         \
    asm volatile("movl %%fs:" symbol "@tpoff, %0" : "=r"(value_)::"memory"); \
    value_;                                                                  \
  })
#define HAL_STORE_PER_HART_WORD(symbol, value) \
  asm volatile("movl %0, %%fs:" symbol "@tpoff" ::"ri"(value) : "memory")
// The address of the running hart's variable. The thread's own address is the first word at fs.
#define HAL_ADDRESS_PER_HART(symbol)                                                   \
  ({                                                                                   \
    void* address_;                                                                    \
    asm volatile("movq %%fs:0, %0\n\tleaq " symbol "@tpoff(%0), %0" : "=r"(address_)); \
    address_;                                                                          \
  })
// A pointer that is a member, `offset` bytes into a variable.
#define HAL_LOAD_PER_HART_POINTER(symbol, offset)                                               \
  ({                                                                                            \
    void* value_;                                                                               \
    asm volatile("movq %%fs:" symbol "@tpoff+%c1, %0" : "=r"(value_) : "i"(offset) : "memory"); \
    value_;                                                                                     \
  })
