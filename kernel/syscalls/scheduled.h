// Finds the schedule that a system call names by a thread's or process's number.
#pragma once

#include <hal/hart.h>

#include "process/thread.h"

namespace kernel::sys {

/// The schedule of a thread, or of an ended first thread whose process still runs.
class Scheduled {
 public:
  explicit Scheduled(Thread& thread) : thread_{&thread} {}
  /// `id` 0: the caller. ESRCH if there is no such thread. would_block: the caller shares the
  /// strand, and the thread has ended.
  static Result<Scheduled> find(Thread& self, int id) {
    if (id == 0) return Scheduled{self};
    if (Thread* const thread = threads().find(id); thread != nullptr) return Scheduled{*thread};
    if (Process* const process = processes().find(id); process != nullptr) {
      if (!async::Strand::is_held()) return fail(Errno::would_block);
      return Scheduled{process->first_schedule()};
    }
    return fail(Errno::esrch);
  }

  Schedule get() const { return thread_ != nullptr ? thread_->copy_schedule() : *left_behind_; }
  /// would_block: the caller shares the strand, and only a step in the strand may set this.
  Result<> set(const Schedule& schedule) const {
    if (!async::Strand::is_held() && !may_set_sharing(schedule)) return fail(Errno::would_block);
    if (thread_ != nullptr) {
      thread_->set_schedule(schedule);
    } else {
      async::Strand::check_access();
      *left_behind_ = schedule;
    }
    return {};
  }
  async::HartMask harts() const {
    return (thread_ != nullptr ? thread_->harts() : async::all_harts) & async::Executor::all();
  }
  /// would_block: as in set().
  Result<> set_harts(async::HartMask harts) const {
    if (!async::Strand::is_held()) {
      const bool stays = harts == async::all_harts || harts == hal::mask_of(hal::hart_index());
      if (!is_own() || !stays) return fail(Errno::would_block);
    }
    if (thread_ != nullptr) thread_->set_harts(harts);
    return {};
  }
  bool is_of(const Thread& thread) const { return thread_ == &thread; }

 private:
  explicit Scheduled(Schedule& left_behind) : left_behind_{&left_behind} {}

  [[gnu::noinline]] bool may_set_sharing(const Schedule& schedule) const {
    const bool has_reservation = schedule.is_deadline() || get().is_deadline();
    return is_own() && !has_reservation && !async::current_executor().has_events();
  }
  /// Whether it is the schedule of the thread that makes the call.
  bool is_own() const { return thread_ != nullptr && thread_->is_current_job(); }

  Thread* thread_ = nullptr;
  Schedule* left_behind_ = nullptr;
};

/// For the sched_* calls: EINVAL for a negative number.
inline Result<Scheduled> find_scheduled(Thread& self, int id) {
  if (id < 0) return fail(Errno::einval);
  return Scheduled::find(self, id);
}

}  // namespace kernel::sys
