#include "process/thread.h"
#include "syscalls/calls.h"

namespace kernel::sys {
namespace {

/// There is one session and one process group: job control is left to the shell. No process is
/// their leader, so their number is 0. Linux, too, reports 0 for a group that is outside the
/// caller's pid namespace (pid_namespaces(7)). With number 1, the group could not be distinguished
/// from −1 in kill and wait4, which means all processes.
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
  if ((group != 0 ? group : id) < 0) return fail(Errno::einval);
  if (!is_process(self, id)) return fail(Errno::esrch);
  return {};
}

Result<int> setsid(Thread&) {
  return only_group;
}

}  // namespace kernel::sys
