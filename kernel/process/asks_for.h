// The thread for which a request of an io_uring makes a call. The request has a job of its own.
#pragma once

#include <utility>

namespace kernel {

class Thread;

namespace sys {

/// While it exists, files and limits are asked for `thread`, whose job is another one than the
/// present job. Must not live across a wait. Strand data.
class AsksFor {
 public:
  explicit AsksFor(Thread& thread) : before_{std::exchange(thread_, &thread)} {}
  ~AsksFor() { thread_ = before_; }
  AsksFor(const AsksFor&) = delete;

  /// Null: they are asked for the thread of the present job.
  static Thread* thread() { return thread_; }

 private:
  inline static constinit Thread* thread_ = nullptr;
  Thread* const before_;
};

}  // namespace sys
}  // namespace kernel
