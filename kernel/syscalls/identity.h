// The shortest system calls; benchmarks measure the cost of a call with two of them, getppid and
// gettid. They are inline, so that the table's code (all_calls.h) contains them. The fast path
// answers them outside the strand, except while tracing is on (trap::CallForm::no_strand). calls.h
// explains the lines `linux:`.
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
