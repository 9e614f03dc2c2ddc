// The registers of a program in the layouts that a debugger reads (ptrace(2), PTRACE_GETREGSET;
// Linux, arch/riscv/include/uapi/asm/ptrace.h). No hart holds registers of the context
// (trap::fpu::release).
#pragma once

#include <trap/user_context.h>

#include <array>
#include <cstdint>

namespace trap {

/// AUDIT_ARCH_RISCV64 (Linux, include/uapi/linux/audit.h).
inline constexpr std::uint32_t audit_architecture = 0xc000'00f3;

/// The number of the last call, as Linux numbers it on this machine.
inline std::uint64_t linux_number(const UserContext& context) {
  return context.syscall_number();
}

struct GeneralSet {
  std::array<std::uint64_t, 32> x;  ///< x[0] is the program counter

  static GeneralSet of(const UserContext& context) {
    GeneralSet set{context.x};
    set.x[0] = context.pc;
    return set;
  }
  void load(UserContext& context) const {
    context.x = x;
    context.pc = x[0];
  }
};

struct FloatingSet {
  std::array<std::uint64_t, 32> f;
  std::uint32_t fcsr;
  std::uint32_t padding;

  static FloatingSet of(const UserContext& context) { return {context.f, context.fcsr, 0}; }
  void load(UserContext& context) const {
    context.f = f;
    context.fcsr = fcsr & 0xff;
  }
};

}  // namespace trap
