// The shortest system calls. What a program takes as the price of a call is that of one of these,
// so they are put into the table's code (all_calls.h) and not called from there.
#pragma once

#include "process/thread.h"

namespace kernel::sys {

/// linux: none known
inline int getpid(Thread& self) {
  return self.process().id();
}

/// linux: none known
inline int getppid(Thread& self) {
  return self.process().parent_id();
}

/// linux: none known
inline int gettid(Thread& self) {
  return self.id();
}

/// Also geteuid, getgid and getegid.
/// linux: There is one user, the superuser: the answer is 0.
inline int getuid(Thread&) {
  return 0;
}

}  // namespace kernel::sys
