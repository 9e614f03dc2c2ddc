// The shortest system calls. What a program takes as the price of a call is that of one of these,
// so they are put into the table's code (all_calls.h) and not called from there.
#pragma once

#include "process/thread.h"

namespace kernel::sys {

inline int getpid(Thread& self) {
  return self.process().id();
}
inline int getppid(Thread& self) {
  return self.process().parent_id();
}
inline int gettid(Thread& self) {
  return self.id();
}
/// And all the others: there is one user, the superuser.
inline int getuid(Thread&) {
  return 0;
}

}  // namespace kernel::sys
