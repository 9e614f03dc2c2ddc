// x86_64: a system call is a function call. On the hosted machine the function is at the address
// that the kernel passes at program start (AT_SYSINFO). On a PC it is cotrap_system_call_gate(),
// which executes the instruction `syscall`. rax holds the number, rdi, rsi, rdx, r10, r8, r9 the
// arguments; rax returns the result. A private call may have a seventh argument, in rbx. The call
// clobbers rcx, r11 and the vector registers, and preserves the other registers.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" [[gnu::visibility("hidden")]] std::uintptr_t cotrap_system_call_entry;

namespace user::machine {

// A call of up to three arguments sets only their registers; a longer one sets all six, and a call
// of seven rbx too.
template <std::size_t count>
[[gnu::always_inline]] inline long system_call(long number, const long (&arguments)[7]) {
  long answer = number;
#define COTRAP_CALL(...)                                                                         \
  asm volatile("call *cotrap_system_call_entry(%%rip)"                                           \
               : "+a"(answer)                                                                    \
               : __VA_ARGS__                                                                     \
               : "memory", "rcx", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", \
                 "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")
  if constexpr (count == 0) {
    COTRAP_CALL();
  } else if constexpr (count == 1) {
    COTRAP_CALL("D"(arguments[0]));
  } else if constexpr (count == 2) {
    COTRAP_CALL("D"(arguments[0]), "S"(arguments[1]));
  } else if constexpr (count == 3) {
    COTRAP_CALL("D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2]));
  } else {
    register long r10 asm("r10") = arguments[3];
    register long r8 asm("r8") = arguments[4];
    register long r9 asm("r9") = arguments[5];
    if constexpr (count <= 6) {
      COTRAP_CALL("D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2]), "r"(r10), "r"(r8),
                  "r"(r9));
    } else {
      COTRAP_CALL("D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2]), "r"(r10), "r"(r8),
                  "r"(r9), "b"(arguments[6]));
    }
  }
#undef COTRAP_CALL
  return answer;
}

}  // namespace user::machine
