// The operations of rings: they call the functions of the system calls with a submission's fields
// in place of registers. ring.h implements `cancel`.
//
// All of it runs in the strand.
#pragma once

#include <abi/errno.h>
#include <abi/ring.h>
#include <async/time.h>
#include <trap/syscall_table.h>

namespace kernel {

class Thread;

using trap::Register;

/// Carries out the operation if it does not block, and returns its result. Returns
/// trap::would_block otherwise, and has changed nothing.
Register try_operation(Thread& thread, const abi::RingSubmission& entry);

/// The blocking form, called in the same step after try_operation() has returned would_block.
/// `entry` must stay at its address until the call completes.
trap::WaitingCall wait_operation(Thread& thread, const abi::RingSubmission& entry);

/// Called when an operation begins: makes a relative timeout absolute.
void begin_time(abi::RingSubmission& entry);
/// The absolute deadline of a timeout whose begin_time() has been called.
async::Instant deadline_of(const abi::RingSubmission& entry);

/// The result of a submission that fails with `error`.
constexpr std::int32_t failed(abi::Errno error) {
  return -static_cast<std::int32_t>(error);
}

constexpr bool is_link_timeout(const abi::RingSubmission& entry) {
  return entry.operation == abi::RingOperation::link_timeout;
}
inline bool moves_bytes(const abi::RingSubmission& entry) {
  using enum abi::RingOperation;
  return entry.operation == read || entry.operation == write;
}
/// Whether `answer` means full success, so that the next linked submission may start.
bool has_done_all(const abi::RingSubmission& entry, std::int32_t answer);

}  // namespace kernel
