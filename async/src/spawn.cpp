#include "async/spawn.h"

namespace async {

Job* start_job(Executor& executor, std::coroutine_handle<> root, const char* name,
               std::uint8_t priority) noexcept {
  Local& local = platform::local();
  if (priority >= priorities) {
    if (priority != inherit_priority) platform::fail("a priority is 0 … 31");
    priority = local.job != nullptr ? local.job->base_priority() : default_priority;
  }
  Job* const job = new (local.jobs.allocate()) Job(root, name, priority, executor.hart());
  PromiseBase::of(root).set_joiner(nullptr);
  trace(TraceEvent::spawn, *job);
  executor.schedule(*job);
  return job;
}

constinit PromiseBase::Frame PromiseBase::job_end{&end_job, nullptr};

void PromiseBase::end_job(void*) noexcept {
  Local& local = platform::local();
  Job& job = *local.job;
  const std::coroutine_handle<> root = job.leaf_;
  job.kind = Kind::done;
  trace(TraceEvent::done, job);
  if (Job* const waiting = of(root).joiner(); waiting != nullptr) {
    if (waiting->kind == Kind::waiting) waiting->complete_alone(WaitResult::woken);
  } else if ((job.flags_ & Job::flag_detached) != 0) {
    root.destroy();
    local.jobs.release(job);
  }
}

}  // namespace async
