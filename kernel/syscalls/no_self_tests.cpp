// The kernel without self-tests: their call is one that does not exist.
#include "syscalls/self_tests.h"

#include "syscalls/unknown.h"

namespace kernel {

constinit const trap::SyscallEntry<Thread> self_test_entry{.now = unknown_call};

}  // namespace kernel
