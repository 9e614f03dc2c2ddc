// Calls that move much go in steps. Nobody takes interrupts while the kernel works and nobody else
// runs, so no step is longer than some hundred microseconds:
//
//     for (;;) {
//       …                                     // move `step_bytes` at most
//       if (it was the last, or async::is_cancelled()) co_return …;
//       co_await cond_resched(self);
//     }
//
// A call has two forms then (trap/syscall_table.h): the first does all of what fits into one step.
#pragma once

#include <async/async.h>

#include <cstddef>

#include "process/running.h"
#include "process/thread.h"

namespace kernel::sys {

inline constexpr std::size_t step_bytes = std::size_t{64} << 10;

/// See cond_resched.
class NextStep : public async::YieldOp {
 public:
  explicit NextStep(Thread& self) : self_{self} {}
  /// From here on the time is the caller's again.
  void await_resume() const {
    if (self_.is_current_job()) prepare_to_run(self_);
  }

 private:
  Thread& self_;
};

/// Between two steps of what is done for `self`, by itself or by its ring: takes the interrupts
/// that came meanwhile, and those that they wake have their turn like everybody else. Files may be
/// closed, memory be unmapped and the thread be cancelled when the caller goes on.
[[nodiscard]] NextStep cond_resched(Thread& self);

}  // namespace kernel::sys
