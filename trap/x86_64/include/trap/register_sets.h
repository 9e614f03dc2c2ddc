// The registers of a program in the layout that a debugger reads (ptrace(2), PTRACE_GETREGSET;
// Linux, arch/x86/include/asm/user_64.h). No hart holds registers of the context
// (trap::fpu::release).
#pragma once

#include <abi/x86_64.h>
#include <trap/user_context.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace trap {

/// AUDIT_ARCH_X86_64 (Linux, include/uapi/linux/audit.h).
inline constexpr std::uint32_t audit_architecture = 0xc000'003e;

/// The number of the last call, as Linux numbers it on this machine.
inline std::uint64_t linux_number(const UserContext& context) {
  return abi::x86_64::linux_number(context.syscall_number());
}

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
             r[8],  linux_number(context),
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

/// The x87 and SSE registers, as FXSAVE stores them.
struct FloatingSet {
  std::array<std::byte, VectorState::legacy_size> bytes;

  static FloatingSet of(const UserContext& context) {
    FloatingSet set;
    std::memcpy(set.bytes.data(), context.vectors.data(), set.bytes.size());
    return set;
  }
  void load(UserContext& context) const { context.vectors.load_legacy(bytes.data()); }
};

}  // namespace trap
