// Starts programs and waits for them.
#pragma once

#include <span>
#include <string_view>

#include "user/calls.h"

namespace user {

// Descriptor `from` of this process becomes `to` in the new one. Mappings are applied in order.
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
// Waits until a child has ended; -1: any child. `options`: 0 or abi::wnohang. ECHILD: no such
// child.
Result<Ended> wait(Pid pid = -1, int options = 0);

// Ignores `signal`, or restores its default action.
Result<void> ignore_signal(abi::Signal signal, bool ignore);

// How this process was started. spawn(program_path(), …) starts another copy of the program.
const char* program_path();
char* const* environment();
const char* environment_value(std::string_view name);  // null if not set

}  // namespace user
