// The shortest system calls, which benchmarks use to measure the cost of a call. They are inline,
// so that the table's code (all_calls.h) contains them. They run outside the strand
// (trap::CallForm::no_strand). calls.h explains the lines `linux:`.
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
