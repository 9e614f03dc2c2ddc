// Starts programs and waits for them.
#pragma once

#include <span>
#include <string_view>

#include "user/calls.h"

namespace user {

// Descriptor `from` of this process becomes `to` in the new one. Mappings are applied in order.
// `from` may be an earlier mapping's `to`. from -1: the new process closes `to`.
struct FdMapping {
  Fd from;
  Fd to;
};

struct SpawnOptions {
  std::span<const FdMapping> fds = {};
  // Descriptors that the child closes, such as pipe ends for other programs.
  std::span<const Fd> close = {};
  char* const* environment = nullptr;  // null: this process's environment
  // In the child SIGINT, SIGQUIT and SIGTERM have their default action, whatever this process
  // ignores. If true, the child ignores SIGINT and SIGQUIT, which keys send; for programs in the
  // background.
  bool ignore_keys = false;
  // The child's process group; 0: a new group with the child's number. Without a value it is that
  // of this process. With one, SIGTSTP, SIGTTIN and SIGTTOU have their default action in the
  // program.
  std::optional<Pid> group = {};
  // The child drops the SIGTSTP, SIGTTIN and SIGTTOU that arrive before execve, so that they do not
  // stop it while this process waits for the execve. For shells: the terminal may stop the child.
  bool drops_stops = false;
  // Signals that this process blocks, but not the child.
  abi::SignalSet unblock = 0;
};

// Starts the program `path`. `arguments` begins with the program's name and ends with a null
// pointer. If the program cannot be started, returns the error of execve (ENOENT, ENOEXEC, …). It
// uses clone(CLONE_VM|CLONE_VFORK), which copies no address space.
Result<Pid> spawn(const char* path, const char* const* arguments, SpawnOptions options = {});

// Returns 0 in the child. ENOSYS on the hosted machine, which cannot copy an address space.
inline Result<Pid> fork() {
  return call<Pid>(Call::clone, abi::Signal::sigchld, 0, 0, 0, 0, 0);
}

struct Ended {
  Pid pid;  // 0: no child has ended yet (wnohang)
  abi::WaitStatus status;
};
// Waits until a child has ended; -1: any child. `options`: abi::wnohang, or changes that also end
// the wait (abi::wuntraced, abi::wcontinued). ECHILD: no such child.
Result<Ended> wait(Pid pid = -1, int options = 0);

// Ignores `signal`, or restores its default action.
Result<void> ignore_signal(abi::Signal signal, bool ignore);

// Blocked signals stay pending, even if their default action is none.
inline Result<void> change_blocked_signals(int how, abi::SignalSet signals) {
  return call(Call::rt_sigprocmask, how, &signals, nullptr, sizeof signals);
}
// Takes a pending signal of the set, which this thread blocks. Without a timeout it waits for one.
// EAGAIN: the timeout is over.
Result<abi::Signal> take_signal(abi::SignalSet signals,
                                std::optional<std::chrono::nanoseconds> timeout = {});

// Process groups (credentials(7)). 0 is this process.
inline Result<Pid> process_group(Pid pid = 0) {
  return call<Pid>(Call::getpgid, pid);
}
inline Result<void> kill_group(Pid group, abi::Signal signal) {
  return kill(-group, signal);
}
// The group that reads `terminal`, and that gets the signals of its keys.
inline Result<Pid> foreground_group(Fd terminal) {
  Pid group = 0;
  return call(Call::ioctl, terminal, abi::tiocgpgrp, &group).transform([&] { return group; });
}
inline Result<void> set_foreground_group(Fd terminal, Pid group) {
  return call(Call::ioctl, terminal, abi::tiocspgrp, &group);
}

// How this process was started. spawn(program_path(), …) starts another copy of the program.
const char* program_path();
char* const* environment();
const char* environment_value(std::string_view name);  // null if not set

}  // namespace user
