// The symbols of both variants of window.S, for C++.
#pragma once

#define COTRAP_WINDOW(by)                                                   \
  void cotrap_##by##_enter_user();                                          \
  void cotrap_##by##_enter_jump();                                          \
  void cotrap_##by##_gate();                                                \
  void cotrap_##by##_jump_gate();                                           \
  void cotrap_##by##_leave_by_signal();                                     \
  extern const char cotrap_##by##_enter_begin[], cotrap_##by##_enter_end[]; \
  extern const char cotrap_##by##_leave_begin[], cotrap_##by##_leave_end[];

extern "C" {
COTRAP_WINDOW(fs)
COTRAP_WINDOW(gs)
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

}  // namespace trap
