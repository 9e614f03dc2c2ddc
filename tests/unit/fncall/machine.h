// A thread that runs programs, in each of the modes that this processor supports.
#pragma once

#include <trap/run_user.h>
#include <trap/segments.h>
#include <trap/signal.h>

#include <array>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

extern "C" {  // programs.S
void dump_registers();
void caller();
void caller_traps();
void caller_continues();
void jumper();
void jumper_traps();
void jumper_continues();
void syscaller();
void syscaller_continues();
extern trap::GeneralRegs seen;
extern std::byte seen_vectors[];
extern std::byte given_vectors[];
extern std::uint64_t given_set;
extern std::uintptr_t called_gate;
extern std::uintptr_t jumped_gate;
}

struct Hart {
  static constexpr std::size_t signal_stack_size = std::size_t{128} << 10;

  explicit Hart(trap::Segments mode = trap::Segments::none) {
    trap::choose_segments(mode);
    trap::attach_hart({signal_stack.get(), signal_stack_size});
    called_gate = trap::entry_address();
    jumped_gate = trap::jump_entry_address();
  }
  Hart(const Hart&) = delete;
  Hart& operator=(const Hart&) = delete;
  ~Hart() { trap::detach_hart(); }

  std::unique_ptr<std::byte[]> signal_stack = std::make_unique<std::byte[]>(signal_stack_size);
};

/// A signal handler for tests without a kernel.
inline void take_signal(trap::Signal& signal) {
  take(signal);
}

/// A hart that catches its programs' `syscall` instructions.
struct CatchingHart : Hart {
  explicit CatchingHart(trap::Segments mode)
      : Hart{mode}, catching{trap::catch_syscall_instructions(true)} {
    trap::handle_signal(SIGSYS, take_signal);
    trap::handle_signal(SIGSEGV, take_signal);
  }
  CatchingHart(const CatchingHart&) = delete;
  CatchingHart& operator=(const CatchingHart&) = delete;
  ~CatchingHart() { trap::catch_syscall_instructions(false); }
  bool catching;  ///< Linux supports this
};

inline std::vector<trap::Segments> all_modes() {
  using enum trap::Segments;
  if (!trap::bases_are_writable()) return {none, arch_prctl, rewrite};
  return {none, wrfsbase, arch_prctl, rewrite, fault};
}

inline std::uint64_t address_of(void (*code)()) {
  return reinterpret_cast<std::uint64_t>(code);
}

/// Overwrites the vector registers, as compiled code of the kernel may between two runs.
[[clang::disable_sanitizer_instrumentation]] inline void spoil_vectors() {
  asm volatile(
      ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
      "pcmpeqd %%xmm\\n, %%xmm\\n\n\t"
      ".endr\n\t"
      "fldpi\n\tfstp %%st(0)" ::
          : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
            "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st");
}
