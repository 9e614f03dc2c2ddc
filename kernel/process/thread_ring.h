// The interface of a thread's ring for the floor `process`: the end of a thread, fork, exceptions
// and notifications use it. rings/ring.h implements it, on a higher floor.
#pragma once

#include <async/async.h>
#include <kernel/result.h>
#include <trap/trap.h>

#include "sched/runnable.h"

namespace kernel {

/// Requests in flight that belong to a thread: those of its ring, or those that it has submitted to
/// io_uring (rings/uring.h). Call all functions in the strand.
class ThreadRequests : public HartFollower {
 public:
  ~ThreadRequests() override = default;
  void follow() override {}
  bool is_behind() override { return false; }
  /// Whether close() would do nothing. The thread itself may also call it while its hart shares the
  /// strand.
  virtual bool is_idle() const { return false; }
  /// Cancels all requests in flight, and waits until they have completed.
  virtual async::Task<> close() = 0;
};

/// Call all functions in the strand.
class ThreadRing : public ThreadRequests {
 public:
  /// The program has trapped with an exception; `why`: see serve_exception(). Returns true if the
  /// ring makes an upcall: the program then continues in its own scheduler, which may run other
  /// coroutines than the faulting one (abi/upcall.h). False: the caller handles the exception.
  virtual bool make_upcall(trap::Trap trap, Errno why) = 0;
  /// Delivers the events that Thread::post_events() has announced.
  virtual void deliver_notifications() = 0;
  /// Called after fork: makes the pages private again that the kernel writes for the ring and its
  /// upcalls. Later completions then need no memory. ENOMEM.
  virtual Result<> own_pages() = 0;
};

}  // namespace kernel
