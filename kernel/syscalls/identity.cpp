#include "process/job_control.h"
#include "process/thread.h"
#include "syscalls/calls.h"

namespace kernel::sys {
namespace {

/// The process with this number; for 0, the caller's. Null: there is none.
Process* find(Thread& self, int id) {
  return id == 0 ? &self.process() : processes().find(id);
}

}  // namespace

Result<int> getpgid(Thread& self, int id) {
  const Process* const process = find(self, id);
  if (process == nullptr) return fail(Errno::esrch);
  return process->group();
}

Result<int> getsid(Thread& self, int id) {
  const Process* const process = find(self, id);
  if (process == nullptr) return fail(Errno::esrch);
  return process->session();
}

Result<> setpgid(Thread& self, int id, int group) {
  if ((group != 0 ? group : id) < 0) return fail(Errno::einval);
  const Process& caller = self.process();
  Process* const process = find(self, id);
  if (process == nullptr) return fail(Errno::esrch);
  if (process != &caller) {
    if (process->parent() != &caller) return fail(Errno::esrch);
    if (process->session() != caller.session()) return fail(Errno::eperm);
    if (process->has_executed()) return fail(Errno::eacces);
  }
  if (process->leads_session()) return fail(Errno::eperm);
  if (group == 0) group = process->id();
  if (group != process->id() && job_control::session_of_group(group) != caller.session()) {
    return fail(Errno::eperm);
  }
  process->set_group(group);
  return {};
}

Result<int> setsid(Thread& self) {
  Process& process = self.process();
  if (process.leads_session() || job_control::session_of_group(process.id())) {
    return fail(Errno::eperm);
  }
  process.begin_session();
  return process.id();
}

}  // namespace kernel::sys
