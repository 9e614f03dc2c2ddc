#include "process/thread.h"
#include "syscalls/calls.h"

namespace kernel::sys {
namespace {

/// There is one session and one process group for everybody: job control is the shell's own affair.
constexpr int only_group = 1;

bool is_process(Thread& self, int id) {
  return id == 0 || id == self.process().id() || processes().find(id) != nullptr;
}

}  // namespace

int getpid(Thread& self) {
  return self.process().id();
}
int getppid(Thread& self) {
  return self.process().parent_id();
}
int gettid(Thread& self) {
  return self.id();
}
int getuid(Thread&) {
  return 0;
}

Result<int> getpgid(Thread& self, int id) {
  if (!is_process(self, id)) return fail(Errno::esrch);
  return only_group;
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
