// The private calls for tests and benchmarks. Only the kernel with self-tests has them.
#pragma once

#include <trap/syscall_table.h>

namespace kernel {

class Thread;

// Each kernel is linked with one of two definitions of these entries. In self_tests/ the calls do
// their work, in dispatch/no_self_tests.cpp they answer ENOSYS. `wait` may be null where `now`
// never answers `would_block`.
extern const trap::SyscallEntry<Thread> bare_trips_entry;
extern const trap::SyscallEntry<Thread> self_test_entry;

}  // namespace kernel
