// Finds the schedule that a system call names by a thread's or process's number.
#pragma once

#include "process/thread.h"

namespace kernel::sys {

/// The schedule of a thread, or of an ended first thread whose process still runs.
class Scheduled {
 public:
  explicit Scheduled(Thread& thread) : thread_{&thread} {}
  /// `id` 0: the caller. ESRCH if there is no such thread.
  static Result<Scheduled> find(Thread& self, int id) {
    if (id == 0) return Scheduled{self};
    if (Thread* const thread = threads().find(id); thread != nullptr) return Scheduled{*thread};
    if (Process* const process = processes().find(id); process != nullptr) {
      return Scheduled{process->first_schedule()};
    }
    return fail(Errno::esrch);
  }

  const Schedule& get() const { return thread_ != nullptr ? thread_->schedule() : *left_behind_; }
  void set(const Schedule& schedule) const {
    if (thread_ != nullptr) {
      thread_->set_schedule(schedule);
    } else {
      *left_behind_ = schedule;
    }
  }
  async::HartMask harts() const {
    return (thread_ != nullptr ? thread_->harts() : async::all_harts) & async::Executor::all();
  }
  void set_harts(async::HartMask harts) const {
    if (thread_ != nullptr) thread_->set_harts(harts);
  }

 private:
  explicit Scheduled(Schedule& left_behind) : left_behind_{&left_behind} {}

  Thread* thread_ = nullptr;
  Schedule* left_behind_ = nullptr;
};

/// For the sched_* calls: EINVAL for a negative number.
inline Result<Scheduled> find_scheduled(Thread& self, int id) {
  if (id < 0) return fail(Errno::einval);
  return Scheduled::find(self, id);
}

}  // namespace kernel::sys
