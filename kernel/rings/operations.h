// What the operations of rings do: the system calls' own functions, given a submission's fields
// instead of registers. Cancelling is the ring's own affair (ring.h).
#pragma once

#include <abi/errno.h>
#include <abi/ring.h>
#include <async/time.h>
#include <trap/syscall_table.h>

namespace kernel {

class Thread;

using trap::Register;

/// Answers if it can be done without waiting, as the trying form of the system call does;
/// trap::would_block if not, and nothing has changed.
Register try_operation(Thread& thread, const abi::RingSubmission& entry);

/// After a try, in the same step: waits. `entry` stays where it is until then.
trap::WaitingCall wait_operation(Thread& thread, const abi::RingSubmission& entry);

/// It begins now: from here on its time, if it tells one, is a point of time.
void begin_time(abi::RingSubmission& entry);
/// That point.
async::Instant deadline_of(const abi::RingSubmission& entry);

/// What a submission is answered that ends with an error.
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
/// Whether `answer` says that all was done which `entry` asks for, so that what is linked to it may
/// follow.
bool has_done_all(const abi::RingSubmission& entry, std::int32_t answer);

}  // namespace kernel
