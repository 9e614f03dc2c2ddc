// Floating-point and vector registers of programs. The kernel uses floating point nowhere. It saves
// these registers only if their owner has written them, and loads them when another program uses
// them.
//
// At most one context owns the registers of a hart. While the hart's state is dirty, the owner's
// saved f and fcsr are stale (sstatus.FS; RISC-V privileged specification 1.12, section 3.1.6.6).
//
//   run(b) while a owns:  FS := off ── b's first floating-point instruction traps ──▶ acquire(b):
//                         a's registers saved if dirty, b's loaded, FS := clean, b owns
//
// sstatus.VS does the same for the vector registers. The owner's vector registers are loaded only
// at its first vector instruction. So VS may be off while FS is on, but not the reverse.
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

inline constexpr std::uint64_t both = hal::riscv64::status::fs | hal::riscv64::status::vs;
}  // namespace detail

/// Call it before `context` runs in place of another one. If `context` does not own the registers,
/// its first floating-point instruction traps.
inline void switch_to(const UserContext& context) {
  if (detail::owner == nullptr) return;
  if (detail::owner == &context) {
    HAL_SET_CSR(HAL_CSR("status"), detail::owner_state);
    return;
  }
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

/// Frees the saved vector registers of `context`, which starts another program. No hart holds them.
inline void reset(UserContext& context) {
  context.vectors.reset();
}

}  // namespace trap::fpu
