// The ring of a thread, as the thread's own coroutine uses it. rings/ring.h implements it.
#pragma once

#include <async/async.h>
#include <kernel/result.h>
#include <trap/trap.h>

namespace kernel {

/// In the strand.
class ThreadRing {
 public:
  virtual ~ThreadRing() = default;

  /// Called after the program has trapped with an exception; `why`: see serve_exception(). Returns
  /// true if the program's own scheduler takes over: it keeps the faulting coroutine and runs
  /// others (abi/upcall.h).
  virtual bool make_upcall(trap::Trap trap, Errno why) = 0;
  /// Delivers the events that Thread::post_events() has announced.
  virtual void deliver_notifications() = 0;
  /// Called after fork: makes the pages private again that the kernel writes for the ring and its
  /// upcalls. Later completions then need no memory. ENOMEM.
  virtual Result<> own_pages() = 0;
  /// Cancels all requests in flight, and waits until they have completed.
  virtual async::Task<> close() = 0;
};

}  // namespace kernel
