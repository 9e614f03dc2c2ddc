// Starting programs and waiting for them.
#pragma once

#include <span>
#include <string_view>

#include "user/calls.h"

namespace user {

// `from` in this process becomes `to` in the new one. Applied in order.
struct FdMapping {
  Fd from;
  Fd to;
};

struct SpawnOptions {
  std::span<const FdMapping> fds = {};
  // Closed in the child: pipe ends that are somebody else's.
  std::span<const Fd> close = {};
  char* const* environment = nullptr;  // null: this process's own
  // SIGINT, SIGQUIT and SIGTERM end a program, whatever this process does with them; one that is to
  // live in the background ignores the two that come from keys.
  bool ignore_keys = false;
};

// Starts the program `path`; `arguments` ends with a null pointer and begins with the program's
// name. Uses clone(CLONE_VM|CLONE_VFORK) and execve: no address space is copied, and the answer
// says whether the program could be started (ENOENT, ENOEXEC, …).
Result<Pid> spawn(const char* path, const char* const* arguments, SpawnOptions options = {});

// 0 in the child. ENOSYS on a machine without an MMU.
inline Result<Pid> fork() {
  return call<Pid>(Call::clone, abi::Signal::sigchld, 0, 0, 0, 0, 0);
}

struct Ended {
  Pid pid;  // 0: nobody yet (wnohang)
  abi::WaitStatus status;
};
Result<Ended> wait(Pid pid = -1, int options = 0);

// Ctrl-C and friends: the default action, or nothing.
Result<void> ignore_signal(abi::Signal signal, bool ignore);

// What this process was started with. program_path() starts another copy of it.
const char* program_path();
char* const* environment();
const char* environment_value(std::string_view name);  // null: not set

}  // namespace user
