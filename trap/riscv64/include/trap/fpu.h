// Floating-point and vector registers of programs. The kernel uses floating point nowhere. It saves
// these registers only if their owner has written them. It loads them when another program uses
// them, or before that if it expects the program to use them soon.
//
// At most one context owns the registers of a hart. While the hart's state is dirty, the owner's
// saved f and fcsr are stale (sstatus.FS; RISC-V privileged specification 1.12, section 3.1.6.6).
//
//   run(b) while a owns:  FS := off ── b's first floating-point instruction traps ──▶ acquire(b):
//                         a's registers saved if dirty, b's loaded, FS := clean, b owns
//
// A trap passes through the firmware and costs about ten times as much as the load of the
// registers. So run(b) loads b's floating-point registers itself up to `early_loads` times: three
// times after b has written or needed them, and once when b starts as a thread or as a program and
// is expected to need them. C libraries save these registers early (setjmp).
//
// sstatus.VS does the same as FS for the vector registers, which are never loaded early. The
// owner's vector registers are loaded only at its first vector instruction. So VS may be off while
// FS is on, but not the reverse.
//
// All functions act on this hart. A preemptible job must not call them: it may change harts.
#pragma once

#include <hal/machine/csr.h>
#include <trap/trap.h>
#include <trap/user_context.h>

namespace trap::fpu {

namespace detail {
/// The context whose registers this hart holds.
extern constinit thread_local UserContext* owner;
/// What FS and VS become when the owner runs again: dirty if its registers are newer than the saved
/// ones, otherwise clean, or off for vector registers that are not loaded. Valid while FS is off.
extern constinit thread_local std::uint64_t owner_state;
void release_owner();
void drop_owner();
void load_early(UserContext& context);

inline constexpr std::uint64_t both = hal::riscv64::status::fs | hal::riscv64::status::vs;
}  // namespace detail

/// Call it before `context` runs in place of another one. If afterwards it does not own the
/// registers, its first floating-point instruction traps.
inline void switch_to(UserContext& context) {
  if (detail::owner == &context) {
    HAL_SET_CSR(HAL_CSR("status"), detail::owner_state);
    return;
  }
  if (context.early_loads != 0) return detail::load_early(context);
  if (detail::owner == nullptr) return;
  const auto before = HAL_TEST_AND_CLEAR_CSR(HAL_CSR("status"), detail::both);
  if ((before & hal::riscv64::status::dirty) != 0) detail::owner_state = before & detail::both;
}

/// The bytes of memory that acquire() allocates for this trap; mostly 0.
std::size_t bytes_to_acquire(const UserContext& context, const Trap& trap);

/// Call it after an illegal-instruction trap of `context`; in the strand if it allocates memory.
/// Returns true if the registers that the instruction may use were off: they now are on with the
/// values of `context`, and the instruction must be retried. Returns false if the instruction is
/// really illegal.
bool acquire(UserContext& context, const Trap& trap);

/// Brings the saved floating-point registers of `context` up to date, but not its vector registers.
/// The context stays the owner.
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

/// Call it when `context` starts as a new thread or program. `is_likely`: another thread of its
/// process, or the program before it, has needed its floating-point registers.
inline void expect_use(UserContext& context, bool is_likely) {
  context.early_loads = is_likely ? 1 : 0;
}

/// Frees the saved vector registers of `context`, which starts another program. No hart holds its
/// registers.
inline void reset(UserContext& context) {
  context.vectors.reset();
  expect_use(context, context.has_used_floating);
}

}  // namespace trap::fpu
