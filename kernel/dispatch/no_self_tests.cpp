// The kernel without self-tests.
#include "dispatch/self_tests.h"
#include "dispatch/unknown.h"

namespace kernel {

constinit const trap::SyscallEntry<Thread> bare_trips_entry{.now = unknown_call};
constinit const trap::SyscallEntry<Thread> self_test_entry{.now = unknown_call};

}  // namespace kernel
