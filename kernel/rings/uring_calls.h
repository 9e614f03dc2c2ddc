// The call of io_uring that has a fast path. uring_calls.cpp has the others.
#pragma once

#include <kernel/result.h>

#include <cstddef>
#include <cstdint>

#include "process/syscall_table.h"

namespace kernel {
class Thread;
}

namespace kernel::sys {

/// `shares`: takes submissions while the hart shares the strand, and enters it for the rest.
/// flags: IORING_ENTER_GETEVENTS, IORING_ENTER_SQ_WAKEUP, IORING_ENTER_SQ_WAIT,
///   IORING_ENTER_EXT_ARG, IORING_ENTER_REGISTERED_RING, IORING_ENTER_ABS_TIMER; EINVAL for others
/// linux: A time in min_wait_usec fails with EINVAL. Operations that Linux hands to a worker or
///   polls for wait in a coroutine, and so does each chain of linked submissions.
///   docs/rings.md lists the operations.
template <bool shares = false>
trap::Answer<Result<std::uint32_t>> io_uring_enter(Thread&, std::uint32_t fd, std::uint32_t submit,
                                                   std::uint32_t complete, std::uint32_t flags,
                                                   std::uintptr_t argument, std::size_t size);

}  // namespace kernel::sys
