// Makes the kernel panic on purpose, to test the report of a panic: the boot option `crash=`.
#pragma once

#include <async/async.h>

#include <string_view>

namespace kernel {

/// Waits until `hart` has started, and crashes on it. `how` says in which way:
///
///   read               a load from an unmapped address
///   jump               a jump to an unmapped address
///   write-text         a store into the kernel's code
///   stack              recursion into the stack's guard page
///   preempting-stack   recursion into the guard page of a stack of the stack pool
///   panic              a call of panic()
///
/// Other values have no effect. The crash happens in a nested coroutine, so that the report shows
/// an await chain.
async::Task<> crash_if_asked(std::string_view how, unsigned hart);

}  // namespace kernel
