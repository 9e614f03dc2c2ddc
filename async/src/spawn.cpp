#include "async/spawn.h"

namespace async {

Job* start_job(Executor& executor, std::coroutine_handle<> root, const char* name,
               std::uint8_t priority) noexcept {
  Local& local = platform::local();
  if (priority == inherit_priority) {
    priority = local.job != nullptr ? local.job->base_priority() : default_priority;
  }
  Job* const job = new (local.jobs.allocate()) Job(root, name, priority, executor.hart());
  PromiseBase::of(root).set_joiner(nullptr);
  trace(TraceEvent::spawn, *job);
  executor.schedule(*job);
  return job;
}

}  // namespace async
