// Floating-point registers of programs. The kernel does not use floating point. It saves
// these registers only if their owner has written them, and loads them when another program uses
// them.
//
// At most one context owns the registers of a hart. While the hart's state is dirty, the owner's
// saved f and fcsr are stale (sstatus.FS; RISC-V privileged specification 1.12, section 3.1.6.6).
//
//   run(b) while a owns:  FS := off ── b's first floating-point instruction traps ──▶ acquire(b):
//                         a's registers saved if dirty, b's loaded, FS := clean, b owns
//
// All functions act on this hart. A preemptible job must not call them: it may change harts.
#pragma once

#include <hal/machine/csr.h>
#include <trap/user_context.h>

namespace trap::fpu {

namespace detail {
/// The context whose registers this hart holds.
extern constinit thread_local UserContext* owner;
/// What FS becomes when the owner runs again: dirty if its registers are newer than the saved ones,
/// otherwise clean. Valid while FS is off.
extern constinit thread_local std::uint64_t owner_fs;
void release_owner();
void drop_owner();
}  // namespace detail

/// Call it before `context` runs in place of another one. If `context` does not own the registers,
/// its first floating-point instruction traps.
inline void switch_to(const UserContext& context) {
  namespace sstatus = hal::riscv64::sstatus;
  if (detail::owner == nullptr) return;
  if (detail::owner == &context) {
    HAL_SET_CSR("sstatus", detail::owner_fs);
    return;
  }
  const auto before = HAL_TEST_AND_CLEAR_CSR("sstatus", sstatus::fs);
  if ((before & sstatus::fs) == sstatus::fs_dirty) detail::owner_fs = sstatus::fs_dirty;
}

/// Call it after an illegal-instruction trap of `context`. Returns true if the floating-point unit
/// was off: it now is on with the registers of `context`, and the instruction must be retried.
/// Returns false if the instruction is really illegal.
bool acquire(UserContext& context);

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

}  // namespace trap::fpu
