// How system calls are dispatched: the table of their handlers (process/syscall_table.h), and the
// handlers that answer for a call which the table does not have.
#pragma once

#include <trap/user_context.h>

#include <cstdint>
#include <string_view>

#include "process/syscall_table.h"

namespace kernel {

/// Installs the table of system calls and the fast paths, which record calls while tracing is on.
/// Call once, after begin_hart() and before the first program runs. `smp_active`: several harts
/// run.
void start_system_calls(bool smp_active);

/// The table of all calls while they are not counted (counted_calls.h). It depends on whether
/// tracing is on, and does not change after boot.
const SyscallTable& uncounted_calls();

/// The table of all calls while no thread is traced: counted or not. In the strand.
const SyscallTable& usual_calls();

/// Chooses the table of fast paths (trap/fast_path.h), which has one for each call of all_calls.h
/// whose form allows it. start_system_calls() calls it. If `smp_active` is
/// false, no fast path enters the strand. If it is true, all do but those of the form no_strand.
void start_fast_path(bool smp_active);

/// Prepares registered_handler(). start_system_calls() calls it. Panics if a table has the number
/// of a registered call (syscalls/registered_calls.h).
void start_registered_calls();
/// Null: no registered call has this number.
trap::SyscallEntry<Thread>::Handler registered_handler(std::uint64_t number);

/// The handler of numbers that the tables do not have. Calls the registered call if there is one.
/// Otherwise returns −ENOSYS, and logs each number the first time.
trap::Register unknown_call(Thread& self, const trap::UserContext& context);

// Compat system calls: calls with the numbers of this machine's Linux, if those are not the
// kernel's (riscv64's). The kernel adds abi::first_compat_call to each.

/// Whether `number` is a compat number. The functions below need one.
bool is_compat_call(std::uint64_t number);
/// The handler of all compat calls.
trap::Register compat_call(Thread& self, const trap::UserContext& context);
/// The number under which the call counts: the generic call's if there is one.
std::uint64_t counted_number_of_compat_call(std::uint64_t number);
/// The name for the log; empty if it is not known.
std::string_view name_of_compat_call(std::uint64_t number);

namespace trace {

/// A handler for every number: records the call for the trace, then calls its handler. In use while
/// tracing is on.
trap::Register answer_recorded(Thread& self, const trap::UserContext& context);
extern const SyscallTable traced_calls;

}  // namespace trace
}  // namespace kernel
