// abi::self_test. Only the kernel for tests and benchmarks has self-tests.
#pragma once

#include <trap/syscall_table.h>

namespace kernel {

class Thread;

/// The entry of abi::self_test. Each kernel is linked with one of two definitions:
/// self_tests/calls.cpp starts the self-test that the caller names; syscalls/no_self_tests.cpp
/// answers ENOSYS. `wait` may be null where `now` never answers `would_block`.
extern const trap::SyscallEntry<Thread> self_test_entry;

}  // namespace kernel
