// Floating point belongs to programs, and their contexts have all of it: run_user moves what has to
// be moved, so there is nothing to own and nothing to hand over.
#pragma once

#include <trap/user_context.h>

namespace trap::fpu {

inline void switch_to(const UserContext&) {}
/// No illegal instruction is for lack of registers.
inline bool acquire(UserContext&) {
  return false;
}
inline void save(UserContext&) {}
inline void release(UserContext&) {}
inline void drop(const UserContext&) {}

}  // namespace trap::fpu
