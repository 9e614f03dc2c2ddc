// Whose schedule a number means that a program says.
#pragma once

#include "process/thread.h"

namespace kernel::sys {

/// A thread's schedule, or that of a first thread which has ended while its
/// process goes on.
class Scheduled {
 public:
  explicit Scheduled(Thread& thread) : thread_{&thread} {}
  /// 0 is the caller. ESRCH.
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

/// For the sched_* calls, to which a negative number is EINVAL.
inline Result<Scheduled> find_scheduled(Thread& self, int id) {
  if (id < 0) return fail(Errno::einval);
  return Scheduled::find(self, id);
}

}  // namespace kernel::sys
