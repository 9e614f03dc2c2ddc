// Hosted: run_user() saves and loads the floating-point registers with all other registers. So no
// context ever owns the floating-point registers of a hart, and most of these functions do nothing.
#pragma once

#include <trap/trap.h>
#include <trap/user_context.h>

#include <cstddef>

namespace trap::fpu {

inline void switch_to(const UserContext&) {}
inline std::size_t bytes_to_acquire(const UserContext&, const Trap&) {
  return 0;
}
/// An illegal instruction never means that the floating-point unit is off.
inline bool acquire(UserContext&, const Trap&) {
  return false;
}
inline void save(UserContext&) {}
/// A call of the gate has saved only the vector registers that calls preserve.
inline void release(UserContext& context) {
  context.complete_vectors();
}
inline void drop(const UserContext&) {}
inline void expect_use(UserContext&, bool) {}
inline void reset(UserContext&) {}

}  // namespace trap::fpu
