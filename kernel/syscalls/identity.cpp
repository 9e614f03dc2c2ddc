#include "process/thread.h"
#include "syscalls/calls.h"

namespace kernel::sys {
namespace {

/// There is one session and one process group for everybody: job control is the shell's own affair.
/// Their leader is none of the processes, so the number is 0, as where one looks from inside a pid
/// namespace at a group from outside (pid_namespaces(7)). For kill and wait4, -0 is the caller's
/// group; a group 1 could not be told from their -1, everybody.
constexpr int only_group = 0;

bool is_process(Thread& self, int id) {
  return id == 0 || id == self.process().id() || processes().find(id) != nullptr;
}

}  // namespace

Result<int> getpgid(Thread& self, int id) {
  if (!is_process(self, id)) return fail(Errno::esrch);
  return only_group;
}

Result<int> getsid(Thread& self, int id) {
  return getpgid(self, id);
}

Result<> setpgid(Thread& self, int id, int group) {
  if (group < 0) return fail(Errno::einval);
  if (!is_process(self, id)) return fail(Errno::esrch);
  return {};
}

Result<int> setsid(Thread&) {
  return only_group;
}

}  // namespace kernel::sys
