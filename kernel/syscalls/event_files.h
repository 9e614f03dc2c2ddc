// Calls that make files of events, for the older forms that x86_64 has, too.
#pragma once

#include <abi/signal.h>

#include "memory/user_memory.h"
#include "process/asks_for.h"
#include "process/thread.h"

namespace kernel::sys {

Result<int> eventfd2(Thread&, std::uint32_t count, int flags);
Result<int> signalfd4(Thread&, int fd, UserPtr<const abi::SignalSet> mask, std::size_t mask_size,
                      int flags);
Result<int> inotify_init1(Thread&, int flags);

}  // namespace kernel::sys
