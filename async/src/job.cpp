// Cancellation of jobs: which waits it cuts short, and which waits pass it on to the jobs they wait
// for. And what the trace hook and policies learn of jobs.
#include "async/job.h"

#include "async/entity.h"
#include "async/executor.h"
#include "async/scope.h"
#include "async/spawn.h"
#include "async/task.h"
#include "async/trace.h"

namespace async {

void Job::cancel() noexcept {
  require_executor();
  // The job's hart may run the job's step, or end its wait, at this very moment.
  if (is_preemptible()) platform::fail("a preemptible job cannot be cancelled");
  platform::InterruptGuard masked;
  Strand::check_access_unless([this] { return this == platform::job(); });
  if (is_cancelled()) return;
  flags_ |= flag_cancelled;
  update_stopped();
  cut_short(WaitResult::cancelled);
}

void Job::update_stopped() noexcept {
  const bool wanted = (flags_ & flag_cancelled) != 0 || own_.expired != 0;
  const bool shielded = (flags_ & flag_shielded) != 0;
  flags_ = wanted && !shielded ? flags_ | flag_stopped : flags_ & ~flag_stopped;
}

void Job::refuse() noexcept {
  if (is_cancelled()) {
    result_ = WaitResult::cancelled;
  } else {
    result_ = WaitResult::timed_out;
    flags_ |= flag_cut;
  }
}

void Job::cut_short(WaitResult result) noexcept {
  if (kind != Kind::waiting || (flags_ & (flag_shielded | flag_must_finish)) != 0) return;
  if (result == WaitResult::timed_out) flags_ |= flag_cut;

  if (waits_for_ == this) {  // parked; if unpark() has pushed the job already, its wake counts
    std::uint8_t expected = park_waiting;
    if (park_.compare_exchange_strong(expected, park_none)) complete(result);
    return;
  }
  switch (waits_for_ == nullptr ? Kind::list : waits_for_->kind) {
    case Kind::ready:
    case Kind::waiting:
    case Kind::done: static_cast<Job*>(waits_for_)->cancel(); break;
    case Kind::group:
      for (Job* job : static_cast<JoinGroup*>(waits_for_)->jobs) job->cancel();
      break;
    case Kind::scope: static_cast<Scope*>(waits_for_)->cancel(); break;
    default: complete(result);
  }
}

// Where jobs are parallel: call these in the strand, for jobs whose waits end only in the strand.
// So no other hart ends the wait meanwhile, and the list still exists.

WaitList* Job::awaited_list() const noexcept {
  if (kind != Kind::waiting || waits_for_ == nullptr) return nullptr;
  const bool is_list = waits_for_->kind == Kind::list || waits_for_->kind == Kind::mutex;
  return is_list ? static_cast<WaitList*>(waits_for_) : nullptr;
}

void Job::leave_list() noexcept {
  WaitList* const left = awaited_list();
  if (left == nullptr) return unlink();
  const ListLock::Guard guard(left->lock());
  unlink();
}

// ── The trace hook and policies ──

// The trace hook sees all events of jobs. A policy learns here which jobs begin, wake and end: the
// ready queue itself tells it only which jobs are ready.

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
