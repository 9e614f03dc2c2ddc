// The registers of a program in the layout that a debugger reads (ptrace(2), PTRACE_GETREGSET;
// Linux, arch/x86/include/asm/user_64.h). No hart holds registers of the context
// (trap::fpu::release).
#pragma once

#include <trap/user_context.h>

#include <array>
#include <cstdint>

namespace trap {

/// AUDIT_ARCH_X86_64 (Linux, include/uapi/linux/audit.h).
inline constexpr std::uint32_t audit_architecture = 0xc000'003e;

struct GeneralSet {
  /// r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, the call's number,
  /// rip, cs, eflags, rsp, ss, the base of fs, the base of gs (0 here), ds, es, fs, gs.
  std::array<std::uint64_t, 27> words;

  static GeneralSet of(const UserContext& context) {
    const auto r = context.signal_registers();
    constexpr std::uint64_t code = 0x33, data = 0x2b;  // Linux's selectors
    return {{r[7],  r[6],
             r[5],  r[4],
             r[10], r[11],
             r[3],  r[2],
             r[1],  r[0],
             r[13], r[14],
             r[12], r[9],
             r[8],  context.syscall_number(),
             r[16], code,
             r[17], r[15],
             data,  context.thread_pointer(),
             0,     0,
             0,     0,
             0}};
  }
  /// Loads all but the selectors and the bases.
  void load(UserContext& context) const {
    const auto& w = words;
    context.load_signal_registers({w[9], w[8], w[7], w[6], w[3], w[2], w[1], w[0], w[14], w[13],
                                   w[4], w[5], w[12], w[10], w[11], w[19], w[16], w[18]});
  }
};

/// The kernel has no layout of floating-point registers for debuggers of this machine.
struct FloatingSet {
  static FloatingSet of(const UserContext&) { return {}; }
  void load(UserContext&) const {}
};

}  // namespace trap
