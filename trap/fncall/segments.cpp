#include <asm/prctl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <trap/run_user.h>
#include <trap/segments.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "window.h"

extern "C" {
constinit thread_local trap::HartRecord cotrap_hart;

// Variables that the assembly reads.
constinit trap::Segments cotrap_segments = trap::Segments::none;
constinit bool cotrap_bases_writable = false;
constinit std::uint32_t cotrap_gs_field = CONTEXT_GSBASE;
constinit void (*cotrap_gate)() = cotrap_fs_gate;
}
constinit void (*trap::detail::cotrap_enter_user)() = cotrap_fs_enter_user;

namespace trap {
namespace {

std::uint64_t base(int get) {
  std::uint64_t value = 0;
  syscall(SYS_arch_prctl, get, &value);
  return value;
}

}  // namespace

bool bases_are_writable() {
  constexpr unsigned long fsgsbase = 1 << 1;  // HWCAP2_FSGSBASE, asm/hwcap2.h
  return (getauxval(AT_HWCAP2) & fsgsbase) != 0;
}

Segments segments() {
  return cotrap_segments;
}

FoundBy hart_found_by() {
  const bool fs_is_programs =
      cotrap_segments == Segments::wrfsbase || cotrap_segments == Segments::arch_prctl;
  return fs_is_programs ? FoundBy::gs : FoundBy::fs;
}

void choose_segments(Segments mode) {
  cotrap_segments = mode;
  cotrap_bases_writable = mode != Segments::arch_prctl && bases_are_writable();
  cotrap_gs_field = turn_fs_to_gs(mode) ? CONTEXT_FSBASE : CONTEXT_GSBASE;
  cotrap_gate = window().gate;
  detail::cotrap_enter_user = window().enter_user;
}

const Window& window() {
#define COTRAP_WINDOW(by)                                                  \
  {                                                                        \
    cotrap_##by##_enter_user, cotrap_##by##_gate, cotrap_##by##_jump_gate, \
        cotrap_##by##_leave_by_signal                                      \
  }
  static constexpr Window by_fs = COTRAP_WINDOW(fs);
  static constexpr Window by_gs = COTRAP_WINDOW(gs);
  static constexpr Window by_hidden_fs = COTRAP_WINDOW(hidden);
#undef COTRAP_WINDOW
  if (cotrap_segments == Segments::fault) return by_hidden_fs;
  return hart_found_by() == FoundBy::gs ? by_gs : by_fs;
}

std::uintptr_t entry_address() {
  return reinterpret_cast<std::uintptr_t>(cotrap_gate);
}

std::uintptr_t jump_entry_address() {
  return reinterpret_cast<std::uintptr_t>(window().jump_gate);
}

void UserContext::go_back_to_syscall_instruction() {
  general.rcx = general.rip;
  general.rip = jump_entry_address();
}

std::array<std::uint8_t, 17> UserContext::signal_return_code() {
  const auto gate = std::bit_cast<std::array<std::uint8_t, 8>>(entry_address());
  return {0xb8,    0x8b,    0,       0,       0,       0x48,    0xb9, gate[0], gate[1],
          gate[2], gate[3], gate[4], gate[5], gate[6], gate[7], 0xff, 0xd1};
}

void attach_hart(std::span<std::byte> signal_stack) {
  const bool by_gs = hart_found_by() == FoundBy::gs;
  cotrap_hart = {.kernel_fs = base(ARCH_GET_FS),
                 .hidden_fs = reinterpret_cast<std::uintptr_t>(&cotrap_hart) - HIDDEN_FS_DISTANCE};
  syscall(SYS_arch_prctl, ARCH_SET_GS, by_gs ? &cotrap_hart : nullptr);
  const stack_t stack{.ss_sp = signal_stack.data(), .ss_flags = 0, .ss_size = signal_stack.size()};
  if (sigaltstack(&stack, nullptr) != 0) {
    std::perror("sigaltstack");
    std::abort();
  }
}

void detach_hart() {
  const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  sigaltstack(&none, nullptr);
  syscall(SYS_arch_prctl, ARCH_SET_GS, nullptr);
}

}  // namespace trap
