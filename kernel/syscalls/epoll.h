// The calls of epoll, for both layouts of an event.
#pragma once

#include <abi/signal.h>
#include <trap/answer.h>

#include <cstddef>
#include <cstdint>

#include "process/thread.h"

namespace kernel::sys {

/// How an event lies in the program's memory: as in the generic ABI, or without padding (x86_64).
enum class EventLayout : bool { padded, packed };

Result<int> epoll_create1(Thread&, int flags);

Result<> change_epoll(Thread&, int epoll, int operation, int fd, std::uintptr_t event,
                      EventLayout layout);

/// epoll_wait, epoll_pwait and epoll_pwait2. `mask`: 0, or the address of a signal mask. `shares`:
/// for a hart that shares the strand (outside.h).
template <bool shares = false>
trap::Answer<Result<int>> wait_for_events(Thread&, int epoll, std::uintptr_t events, int most,
                                          async::Instant deadline, std::uintptr_t mask,
                                          std::size_t mask_size, EventLayout layout);

/// linux: One call returns 4,096 events at most.
template <bool shares = false>
trap::Answer<Result<int>> epoll_pwait(Thread&, int epoll, std::uintptr_t events, int most,
                                      int timeout, std::uintptr_t mask, std::size_t mask_size);

/// The deadline of epoll_pwait, and that of epoll_pwait2: EFAULT, EINVAL.
async::Instant deadline_in_ms(int timeout);
Result<async::Instant> deadline_after(Thread&, std::uintptr_t timeout);

}  // namespace kernel::sys
