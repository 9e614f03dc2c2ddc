// Calls that make files of events, for the older forms that x86_64 has, too; and the thread for
// which a request of an io_uring asks a signalfd.
#pragma once

#include <abi/signal.h>

#include "memory/user_memory.h"
#include "process/thread.h"

namespace kernel::sys {

Result<int> eventfd2(Thread&, std::uint32_t count, int flags);
Result<int> signalfd4(Thread&, int fd, UserPtr<const abi::SignalSet> mask, std::size_t mask_size,
                      int flags);
Result<int> inotify_init1(Thread&, int flags);

/// While it exists, files are asked for `thread`, whose job is another one than the present job.
/// Must not live across a wait. Strand data.
class AsksFor {
 public:
  explicit AsksFor(Thread& thread) { thread_ = &thread; }
  ~AsksFor() { thread_ = nullptr; }
  AsksFor(const AsksFor&) = delete;

  /// Null: files are asked for the thread of the present job.
  static Thread* thread() { return thread_; }

 private:
  inline static constinit Thread* thread_ = nullptr;
};

}  // namespace kernel::sys
