// Vector registers of programs: x87, SSE, AVX and AVX-512. The kernel does not use them. It saves
// them only if another program uses them, and loads them when their program does.
//
// At most one context owns the registers of a hart. While CR0.TS is set, they are off: an
// instruction that uses them raises the exception #NM (Intel SDM, volume 3, "Control Registers").
//
//   run(b) while a owns:  TS := 1 ── b's first vector instruction traps ──▶ acquire(b):
//                         a's registers saved if they were on since, b's loaded, TS := 0, b owns
//
// All functions act on this hart. A preemptible job must not call them: it may change harts.
#pragma once

#include <trap/trap.h>
#include <trap/user_context.h>

#include <cstddef>

namespace trap::fpu {

namespace detail {
/// The context whose registers this hart holds.
extern constinit thread_local UserContext* owner;
extern constinit thread_local bool is_on;  ///< CR0.TS is clear; only if there is an owner
void turn_on();
void turn_off();
void release_owner();
void drop_owner();
}  // namespace detail

/// Prepares this hart: the registers are off.
void start();

/// Call it before `context` runs in place of another one. If `context` does not own the registers,
/// its first instruction that uses them traps.
inline void switch_to(const UserContext& context) {
  if (detail::owner == &context) {
    if (!detail::is_on) detail::turn_on();
  } else if (detail::is_on) {
    detail::turn_off();
  }
}

/// The bytes of memory that acquire() allocates: none.
inline std::size_t bytes_to_acquire(const UserContext&, const Trap&) {
  return 0;
}

/// Call it after a trap of the kind illegal_instruction. Returns true if the registers were off:
/// they now are on with the values of `context`, and the instruction must be retried. Returns false
/// if the instruction is really illegal.
bool acquire(UserContext& context, const Trap& trap);

/// Brings the saved registers of `context` up to date. The context stays the owner.
void save(UserContext& context);

/// Saves the registers of `context` and ends its ownership, so that another hart may load them.
inline void release(UserContext& context) {
  if (detail::owner == &context) detail::release_owner();
}

/// Ends the ownership of `context` without saving. Call it before the context is destroyed or its
/// saved registers are overwritten.
inline void drop(const UserContext& context) {
  if (detail::owner == &context) detail::drop_owner();
}

/// Called when `context` starts and may need its registers soon: nothing to do, a trap is cheap.
inline void expect_use(UserContext&, bool) {}

/// Called when `context` starts another program: nothing to free.
inline void reset(UserContext&) {}

}  // namespace trap::fpu
