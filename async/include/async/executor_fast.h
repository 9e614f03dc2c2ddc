// The executor's fast paths, inlined: a step, and the end of a wait. Part of executor.h, which
// states the contracts.
#pragma once

#include <coroutine>
#include <utility>

#include "async/executor.h"

namespace async {

// ── the strand ───────────────────────────────────────────────────────────────────────────────────

inline void Strand::enter_smp() noexcept {
  if constexpr (platform::checked) {
    if (platform::local().leaf_locks != 0)
      platform::fail("a hart that holds a leaf lock enters the strand");
  }
  if (waiting_.load(std::memory_order_relaxed) != 0 ||
      taken_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]] {
    wait_and_enter();
  }
  wait_for_sharers();
  Local& local = platform::local();
  local.in_strand = true;
  if (local.has_retired) [[unlikely]]
    end_grace_period();
  if (local.job != nullptr) local.executor->catch_up(*local.job);
}

inline void Strand::wait_for_sharers() noexcept {
  platform::atomic_thread_fence(std::memory_order_seq_cst);  // see share()
  const StrandSharer* const end = sharers_end_.load(std::memory_order_relaxed);
  for (const StrandSharer* sharer = sharers_.data(); sharer != end; ++sharer) {
    if (sharer->shares_.load(std::memory_order_acquire) != 0) [[unlikely]]
      wait_for(*sharer);
  }
}

inline void Strand::leave_smp() noexcept {
  Local& local = platform::local();
  if (local.job == nullptr) return leave_to_others();
  if (local.shares_strand) {
    if (!local.executor->must_offer()) [[likely]] {
      local.shares_strand = false;
      return end_sharing();
    }
    stop_sharing();
  }
  Executor& executor = *local.executor;
  if (executor.may_have_jobs_for_others_) [[unlikely]]
    executor.offer_rest();
  leave_to_others();
  if (executor.has_events()) [[unlikely]]
    executor.drain_soon();
}

// ── a step ───────────────────────────────────────────────────────────────────────────────────────

[[gnu::always_inline]] inline Local* Executor::step(Local& local, bool and_more) noexcept {
  platform::yield_point();
  if (has_events()) [[unlikely]]
    return step_with_events(local, and_more) ? &platform::local() : nullptr;
  Node* first;
  if (!ready_.pop(first)) return nullptr;
  return &resume(local, static_cast<Job&>(*first), [] {});
}

template <class Stopped>
[[gnu::always_inline]] inline Local& Executor::resume(Local& local, Job& job,
                                                      Stopped stopped) noexcept {
  local.job = &job;
  begin_step(local, job.step_kind());
  job.leaf_.resume();
  stopped();
  Local& now = platform::local();
  end_step(now);
  return now;
}

[[gnu::always_inline]] inline void Executor::begin_step(const Local& local,
                                                        StepKind kind) noexcept {
  if constexpr (platform::parallel) {
    if (local.smp_active) [[unlikely]] {
      ReadyQueue& ready = local.executor->ready_;
      // Without another ready job there is nothing to offer.
      if (platform::parallel_jobs && async::is_preemptible(kind) &&
          (idle_harts() == 0 || !ready.has_above(priorities))) {
        ready.note_popped(*local.job);
      } else {
        local.executor->begin_step_smp(kind);
      }
    }
  }
  platform::begin_step(kind);
  may_stand_still();
}

[[gnu::always_inline]] inline void Executor::end_step(const Local& local) noexcept {
  platform::end_step();
  if constexpr (platform::parallel_jobs) {
    if (local.has_list_lock) [[unlikely]]
      ListLock::end_step();
  }
  if constexpr (platform::checked) {
    if (local.spin_locks != 0) platform::fail("a job waits while it holds a spin lock");
    if (local.leaf_locks != 0) platform::fail("a job waits while it holds a leaf lock");
  }
  if constexpr (platform::parallel) {
    if (local.smp_active) [[unlikely]] {
      if (!platform::parallel_jobs || local.in_strand || local.shares_strand) Strand::end_step();
    }
  }
}

// ── from one step to the next, without the loop of run_until_idle() ──────────────────────────────

/// The running step ends, and that of `next` begins. Both jobs are already where they belong.
/// Returns the coroutine that the caller resumes.
template <StepKind kind>
[[gnu::always_inline]] inline std::coroutine_handle<> Executor::hand_over(Local& local,
                                                                          Job& next) noexcept {
  platform::end_step();
  if constexpr (platform::checked) {
    if (local.spin_locks != 0) platform::fail("a job yields while it holds a spin lock");
    if (local.leaf_locks != 0) platform::fail("a job yields while it holds a leaf lock");
  }
  local.job = &next;
  if constexpr (kind == StepKind::preemptible) {
    // An interrupt must not come before the job that yields has left its coroutine.
    return next_beginning_.handle();
  }
  if constexpr (kind == StepKind::sharing) {
    // begin_sharing_step() does the same, and catch_up(). Here `next` needs no catch_up(): the hart
    // has shared the strand since before has_events(), so no other hart has changed its priority.
    next.flags_ ^= Job::flag_preempted;
    platform::atomic_thread_fence(std::memory_order_seq_cst);  // see begin_step_smp()
  }
  platform::begin_step(kind);
  may_stand_still();
  return next.leaf_;
}

[[gnu::always_inline]] inline std::coroutine_handle<> Executor::yield(
    std::coroutine_handle<> leaf) noexcept {
  Local& local = platform::local();
  Job& job = *local.job;
  job.leaf_ = leaf;
  Executor& executor = *local.executor;
  // An interrupt that is pending now is taken before the next step, as in step().
  if (!local.hands_over || platform::interrupt_is_pending() || executor.has_events()) [[unlikely]]
    return to_loop_.handle();
  Node* const next = executor.ready_.rotate(job, [](const Node&) { return true; });
  if (next == nullptr) [[unlikely]]
    return to_loop_.handle();
  Job& next_job = static_cast<Job&>(*next);
  if (next_job.is_preemptible()) [[unlikely]]
    return hand_over<StepKind::preemptible>(local, next_job);
  return hand_over<StepKind::strand>(local, next_job);
}

inline std::coroutine_handle<> Executor::hand_over_sharing(Job& job) noexcept {
  if (!may_yield_sharing(job)) return nullptr;
  job.share_next_step();
  Node* const next = ready_.rotate(job, [this](const Node& next) {
    ready_.note_popped(next);
    return static_cast<const Job&>(next).step_kind() == StepKind::sharing &&
           !Strand::is_awaited() && local_.must_destroy == 0;
  });
  if (next != nullptr) [[likely]]
    return hand_over<StepKind::sharing>(local_, static_cast<Job&>(*next));
  ready_.push_back_running(job);
  return std::noop_coroutine();
}

inline bool Executor::run_one() noexcept {
  const bool ran = current().step(platform::local(), false) != nullptr;
  platform::local().job = nullptr;
  return ran;
}

inline void Executor::run_until_idle() noexcept {
  Local* local = &platform::local();
  Executor* executor = local->executor;
  local->may_hand_over = calls_tails && !(platform::parallel && local->smp_active);
  local->hands_over = local->may_hand_over && executor->policy() == nullptr;
  while (Local* const next = executor->step(*local, true)) {
    local = next;
    if constexpr (platform::parallel) executor = local->executor;
  }
  local->may_hand_over = local->hands_over = false;
  local->job = nullptr;
}

template <class Sleep>
[[noreturn]] void Executor::run(Sleep&& idle) noexcept {
  for (;;) {
    run_until_idle();
    platform::InterruptGuard masked;
    Executor& executor = current();
    executor.begin_idling();
    may_stand_still();
    if (executor.inbox_is_empty()) idle();
    executor.end_idling();
  }
}

// ── a step that is preempted ─────────────────────────────────────────────────────────────────────

inline std::coroutine_handle<> Executor::preempt(Job& job,
                                                 std::coroutine_handle<> context) noexcept {
  trace(TraceEvent::preempt, job);
  job.flags_ ^= Job::flag_preempted;
  return std::exchange(job.leaf_, context);
}

inline void Executor::resume_preempted(Job& job, std::coroutine_handle<> leaf) noexcept {
  job.flags_ ^= Job::flag_preempted;
  job.leaf_ = leaf;
}

// ── the end of a wait ────────────────────────────────────────────────────────────────────────────

inline bool Job::complete(WaitResult result) noexcept {
  platform::InterruptGuard masked;
  if (kind != Kind::waiting) return false;
  if constexpr (platform::parallel_jobs) {
    leave_list();
  } else {
    unlink();
  }
  complete_alone(result);
  return true;
}

inline void Job::complete_alone(WaitResult result) noexcept {
  if (watched()) [[unlikely]]
    return complete_watched(result);
  end_wait(result);
}

inline void Job::complete_sharing(WaitResult result) noexcept {
  kind = Kind::ready;
  result_ = result;
  Executor::dispatch_sharing(*this);
}

inline void Job::end_wait(WaitResult result) noexcept {
  Strand::check_access_unless([this] { return is_preemptible(); });
  kind = Kind::ready;
  result_ = result;
  Executor::dispatch(*this);
}

inline void Executor::dispatch(Job& job) noexcept {
  Local& local = platform::local();
  if constexpr (platform::parallel_jobs) {
    if (job.is_preemptible()) [[likely]] {
      if (job.hart != local.executor->hart_) return of(job.hart)->push(job);
      return local.executor->schedule_parallel(job);
    }
  }
  if constexpr (platform::parallel) {
    if (local.smp_active) [[unlikely]]
      return local.executor->dispatch_smp(job);
  }
  local.executor->schedule(job);
}

}  // namespace async
