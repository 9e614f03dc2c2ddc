// Reports the events of jobs to the trace hook. Also tells policies which jobs begin, wake and end:
// the ready queue itself tells them only which jobs are ready.
#include "async/trace.h"

#include "async/entity.h"
#include "async/executor.h"
#include "async/spawn.h"
#include "async/task.h"

namespace async {

void trace_now(TraceEvent event, const Job& job) noexcept {
  // Tests the hook again, because another hart may have cleared it.
  if (const TraceHook hook = trace_hook) hook(event, job);
}

void set_trace_hook(TraceHook hook) noexcept {
  trace_hook = hook;
  Executor::update_watched();
}

// Only the hart whose policy has a job writes the job's entity. While the job is new or waits, any
// hart in the strand may write it. While a slot of a JobPage holds no job, only
// forget_entities() writes the slot's entity. A hart that calls forget_entities() sees all earlier
// writes, because each hart gives up its policy in the strand.

void Job::begin_watched() noexcept {
  const bool has_policy = current_executor().policy() != nullptr;
  if (has_policy || (Executor::attributes_in_use_ && has_entity(*this))) {
    entity_of(*this) = Entity{.job = this};
  }
  trace(TraceEvent::spawn, *this);
}

void Job::complete_watched(WaitResult result) noexcept {
  if (!platform::parallel_jobs && Executor::uses_deadlines()) Executor::take_from_heap(*this);
  // A parallel job's own hart sets the state, in receive_ready(): it may change its policy at this
  // moment.
  const bool is_elsewhere = is_parallel() && hart != platform::hart();
  if (!is_elsewhere && current_executor().policy() != nullptr)
    entity_of(*this).state = Entity::State::woken;
  trace(TraceEvent::wake, *this);
  end_wait(result);
}

void PromiseBase::end_watched_job(void*) noexcept {
  Job& job = current_job();
  job.kind = Kind::done;
  if (Policy* const policy = current_executor().policy()) {
    policy->stopped(job);
    entity_of(job).hart = Entity::nowhere;
  }
  trace(TraceEvent::done, job);
  if (job.is_parallel()) return Parallel::end(job, of(job.leaf_));
  if (Job* const joiner = of(job.leaf_).joiner(); joiner != nullptr) {
    if (joiner->is_parallel()) platform::local().job = nullptr;  // the joiner may free the job
    if (joiner->kind == Kind::waiting) joiner->complete_alone(WaitResult::woken);
  } else if ((job.flags_ & Job::flag_detached) != 0) {
    free_detached_job(job);
  }
}

void PromiseBase::watch_ends(bool on) noexcept {
  if constexpr (platform::parallel) {
    job_end = on ? &watched_end : &unwatched_end;
  } else {
    unwatched_end.resume = on ? &end_watched_job : &end_job;
  }
}

}  // namespace async
