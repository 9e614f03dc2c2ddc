// Programs that were not built for the gate have `syscall` instructions, which are the host's.
// Linux can be told to leave those of programs alone (prctl(2), PR_SET_SYSCALL_USER_DISPATCH, from
// 5.11): it raises SIGSYS, and run_user returns Trap::syscall with the registers as the instruction
// leaves them. The kernel's own calls pass, because the hart's record says whose turn it is.
#pragma once

namespace trap {

/// From now on, or no longer, for this thread. False where Linux cannot.
bool catch_syscall_instructions(bool on);

}  // namespace trap
