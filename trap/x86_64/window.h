// What C++ has to know of window.S: the places in each of its two variants, and which is in use.
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
/// In the mode chosen, programs and the kernel write fs and gs by instructions.
extern bool cotrap_bases_writable;
}
#undef COTRAP_WINDOW

namespace trap {

/// By which register the hart is found while a program runs; the other is the program's.
enum class FoundBy : bool { fs, gs };

/// As the mode has it (trap/segments.h).
FoundBy hart_found_by();

}  // namespace trap
