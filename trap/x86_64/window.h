// The places of window.S that C++ has to know, by the register with which they find the hart.
#pragma once

#define COTRAP_WINDOW(by)                                                   \
  void cotrap_##by##_enter_user();                                          \
  void cotrap_##by##_gate();                                                \
  void cotrap_##by##_jump_gate();                                           \
  void cotrap_##by##_enter_jump();                                          \
  void cotrap_##by##_leave_by_signal();                                     \
  extern const char cotrap_##by##_enter_begin[], cotrap_##by##_enter_end[]; \
  extern const char cotrap_##by##_leave_begin[], cotrap_##by##_leave_end[];

extern "C" {
COTRAP_WINDOW(fs)
COTRAP_WINDOW(gs)
}
