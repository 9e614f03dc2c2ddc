// The symbols of the variants of window.S, for C++.
#pragma once

#define COTRAP_WINDOW(by)                                                   \
  void cotrap_##by##_enter_user();                                          \
  void cotrap_##by##_gate();                                                \
  void cotrap_##by##_jump_gate();                                           \
  void cotrap_##by##_leave_by_signal();                                     \
  extern const char cotrap_##by##_enter_begin[], cotrap_##by##_enter_end[]; \
  extern const char cotrap_##by##_leave_begin[], cotrap_##by##_leave_end[];

extern "C" {
COTRAP_WINDOW(fs)
COTRAP_WINDOW(gs)
COTRAP_WINDOW(hidden)
/// The jumps into the program. In the third variant iretq loads the flags together with rip, so it
/// is never single-stepped.
void cotrap_fs_enter_jump();
void cotrap_gs_enter_jump();
/// In cotrap_hidden_gate: the instruction that reads the program's stack.
extern const char cotrap_hidden_gate_pop[];
/// Whether the chosen mode writes segment bases by instructions (wrfsbase, wrgsbase).
extern bool cotrap_bases_writable;
}
#undef COTRAP_WINDOW

namespace trap {

/// The segment register through which the hart's record is found while a program runs. The other
/// one belongs to the program.
enum class FoundBy : bool { fs, gs };

/// Returns gs in the modes wrfsbase and arch_prctl, and fs in the others (trap/segments.h).
FoundBy hart_found_by();

/// A variant of window.S.
struct Window {
  void (*enter_user)();
  void (*gate)();
  void (*jump_gate)();
  void (*leave_by_signal)();
};
/// That of the chosen mode.
const Window& window();

}  // namespace trap
