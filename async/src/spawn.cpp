#include "async/spawn.h"

namespace async {

std::uint8_t inherited_priority(std::uint8_t priority) noexcept {
  if (priority != inherit_priority) platform::fail("a priority must be 0 … 31");
  const Job* const job = platform::job();
  return job != nullptr ? job->base_priority() : default_priority;
}

constinit FrameHeader PromiseBase::unwatched_end{&end_job, nullptr};
constinit FrameHeader PromiseBase::watched_end{&end_watched_job, nullptr};
constinit SharedWord<FrameHeader*> PromiseBase::job_end = &unwatched_end;

void PromiseBase::end_job(void*) noexcept {
  Job& job = current_job();
  job.kind = Kind::done;
  if (job.is_parallel()) return Parallel::end(job, of(job.leaf_));
  if (Job* const joiner = of(job.leaf_).joiner(); joiner != nullptr) {
    if (joiner->is_parallel()) platform::local().job = nullptr;  // the joiner may free the job
    if (joiner->kind == Kind::waiting) joiner->end_wait(WaitResult::woken);
  } else if ((job.flags_ & Job::flag_detached) != 0) {
    free_detached_job(job);
  }
}

void PromiseBase::free_detached_job(Job& job) noexcept {
  platform::InterruptGuard masked;
  job.leaf_.destroy();
  current_executor().jobs().release(job);
  platform::local().job = nullptr;  // the job is freed
}

}  // namespace async
