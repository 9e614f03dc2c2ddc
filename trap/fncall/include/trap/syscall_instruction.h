// Catching `syscall` instructions in programs that were not built for the gate. Linux (from 5.11)
// can raise SIGSYS for them instead (prctl(2), PR_SET_SYSCALL_USER_DISPATCH). Then run_user()
// returns Trap::syscall with the registers that the instruction leaves. The kernel's own system
// calls are not affected: see HartRecord::syscalls.
#pragma once

namespace trap {

/// Switches this on or off for the calling thread. Returns false if Linux does not support it.
bool catch_syscall_instructions(bool on);

}  // namespace trap
