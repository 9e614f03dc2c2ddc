// The operations of rings: they call the functions of the system calls with a submission's fields
// in place of registers. ring.h implements `cancel`.
//
// All of it runs in the strand.
#pragma once

#include <abi/errno.h>
#include <abi/ring.h>
#include <async/time.h>

#include "process/syscall_table.h"
#include "rings/in_flight.h"

namespace kernel {

/// The handler of a submission, like those of system calls (trap/syscall_table.h). What it leaves
/// in `caller.waiting` refers to `entry`.
Register answer_operation(Thread& self, const abi::RingSubmission& entry);

/// Called when an operation begins: makes a relative timeout absolute.
void begin_time(abi::RingSubmission& entry);
/// The absolute deadline of a timeout whose begin_time() has been called.
async::Instant deadline_of(const abi::RingSubmission& entry);

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
