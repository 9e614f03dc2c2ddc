// Process groups and sessions (setpgid(2), setsid(2), credentials(7)), and what a terminal needs of
// them.
//
// A group and a session are numbers that processes have; there is no object for either. So fork
// writes nothing that other processes read, and a function for a group looks at all processes.
// Group 0 and session 0 are those of the machine's first process. The console is the terminal of
// session 0 until a leader of another session takes it (TIOCSCTTY), and again after that leader's
// end.
//
// All functions run in the strand.
#pragma once

#include <abi/signal.h>

#include "files/terminal.h"
#include "process/process.h"

namespace kernel::job_control {

/// Calls each(process) for the members of `group` that have not ended.
template <class Each>
void for_each_member(int group, Each&& each) {
  for (Process& process : processes()) {
    if (process.group() == group && !process.is_zombie()) each(process);
  }
}

/// The session to which the group belongs. Empty: there is no such group.
std::optional<int> session_of_group(int group);

/// Whether no member of the group has a parent in another group of its session. The first process
/// is no parent of processes that it has inherited. No shell can then continue the group, so only
/// SIGSTOP stops its members (POSIX, 3.264 Orphaned Process Group).
/// `without`: a process that counts as ended; null: none.
bool is_orphaned(int session, int group, const Process* without = nullptr);

/// Called by the end of `process`: if that orphans a group with a stopped member, sends SIGHUP and
/// SIGCONT to the group (POSIX, _exit(), Consequences of Process Termination).
void wake_orphans_of(Process& process);

/// Called by the end of `leader`, the leader of a session, which loses its terminal: the console is
/// that of session 0 again. The foreground group gets SIGHUP and SIGCONT.
void end_session(Process& leader);

/// The thread whose own step this is; null: the step works for a ring or for the kernel.
Thread* calling_thread();

/// The functions that terminals call.
TerminalUsers& terminal_users();

}  // namespace kernel::job_control
