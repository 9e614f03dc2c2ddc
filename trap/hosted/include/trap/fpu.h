// Hosted: run_user() saves and loads the floating-point registers with all other registers. So no
// context ever owns the floating-point registers of a hart, and these functions do nothing.
#pragma once

#include <trap/user_context.h>

namespace trap::fpu {

inline void switch_to(const UserContext&) {}
/// An illegal instruction never means that the floating-point unit is off.
inline bool acquire(UserContext&) {
  return false;
}
inline void save(UserContext&) {}
inline void release(UserContext&) {}
inline void drop(const UserContext&) {}

}  // namespace trap::fpu
