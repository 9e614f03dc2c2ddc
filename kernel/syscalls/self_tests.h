// abi::exercise, which only the kernel of tests and benchmarks answers.
#pragma once

#include <trap/syscall_table.h>

namespace kernel {

class Thread;

/// The entry of abi::exercise. Each kernel is linked with one of two definitions:
/// exercises/calls.cpp starts the self-test that the caller names; syscalls/no_self_tests.cpp
/// answers ENOSYS. `wait` may be null where `now` never answers `must_wait`.
extern const trap::SyscallEntry<Thread> self_test_entry;

}  // namespace kernel
