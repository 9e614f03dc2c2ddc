// Floating point belongs to programs: the kernel is compiled without it and moves its registers
// only when one program has written them and another is about to use them.
//
// Each hart has at most one owner, the context whose registers the hart holds. What the owner's
// f and fcsr say is stale exactly while the hart's state is dirty (sstatus.FS; RISC-V privileged
// specification 1.12, section 3.1.6.6).
//
//   run(b) while a owns:  FS := off ── b's first floating-point instruction traps ──▶ acquire(b):
//                         a's registers saved if dirty, b's loaded, FS := clean, b owns
#pragma once

#include <trap/user_context.h>

namespace trap::fpu {

/// Before `context` runs on this hart in place of another: it finds its registers if it owns them,
/// and traps at its first use of them otherwise.
void switch_to(const UserContext& context);

/// After an illegal-instruction trap of `context`: true if it only lacked the registers and has
/// them now, so that the instruction can be tried again; false if it is illegal indeed.
bool acquire(UserContext& context);

/// Makes `context`'s saved registers current; it goes on owning them. Before they are read.
void save(UserContext& context);

/// Saves what the hart holds for `context`, and does not hold it any more: it may be loaded on
/// another hart.
void release(UserContext& context);

/// Forgets what the hart holds for `context`. Before it is destroyed or its registers are written.
void drop(const UserContext& context);

}  // namespace trap::fpu
