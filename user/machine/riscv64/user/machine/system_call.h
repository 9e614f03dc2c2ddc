// riscv64: a system call is the instruction ecall. a7 holds the number, a0 … a5 the arguments; a0
// returns the result. A private call may have a seventh argument, in a6.
#pragma once

#include <cstddef>

namespace user::machine {

// A call of up to three arguments sets only their registers; a longer one sets all six, and a call
// of seven a6 too.
template <std::size_t count>
[[gnu::always_inline]] inline long system_call(long number, const long (&arguments)[7]) {
  register long a7 asm("a7") = number;
  if constexpr (count == 0) {
    register long a0 asm("a0");
    asm volatile("ecall" : "=r"(a0) : "r"(a7) : "memory");
    return a0;
  } else {
    register long a0 asm("a0") = arguments[0];
    if constexpr (count == 1) {
      asm volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    } else {
      register long a1 asm("a1") = arguments[1];
      if constexpr (count == 2) {
        asm volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1) : "memory");
      } else {
        register long a2 asm("a2") = arguments[2];
        if constexpr (count == 3) {
          asm volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
        } else {
          register long a3 asm("a3") = arguments[3];
          register long a4 asm("a4") = arguments[4];
          register long a5 asm("a5") = arguments[5];
          if constexpr (count <= 6) {
            asm volatile("ecall"
                         : "+r"(a0)
                         : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                         : "memory");
          } else {
            register long a6 asm("a6") = arguments[6];
            asm volatile("ecall"
                         : "+r"(a0)
                         : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6)
                         : "memory");
          }
        }
      }
    }
    return a0;
  }
}

}  // namespace user::machine
