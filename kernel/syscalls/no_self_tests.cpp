// The kernel without self-tests: abi::self_test answers ENOSYS.
#include "syscalls/self_tests.h"

#include "syscalls/unknown.h"

namespace kernel {

constinit const trap::SyscallEntry<Thread> self_test_entry{.now = unknown_call};

}  // namespace kernel
