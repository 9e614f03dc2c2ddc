// The executor's fast paths, inlined: a step, and the end of a wait. Part of executor.h, which
// states the contracts.
#pragma once

#include <coroutine>
#include <utility>

#include "async/executor.h"

namespace async {

// ── a step ───────────────────────────────────────────────────────────────────────────────────────

[[gnu::always_inline]] inline bool Executor::step(Local& local, bool and_more) noexcept {
  platform::yield_point();
  if (has_events()) [[unlikely]]
    return step_with_events(local, and_more);
  Node* first;
  if (!ready_.pop(first)) return false;
  resume(local, static_cast<Job&>(*first), [] {});
  return true;
}

template <class Stopped>
[[gnu::always_inline]] inline void Executor::resume(Local& local, Job& job,
                                                    Stopped stopped) noexcept {
  local.job = &job;
  begin_step(local, job.step_kind());
  job.leaf_.resume();
  stopped();
  end_step();
}

[[gnu::always_inline]] inline void Executor::begin_step(const Local& local,
                                                        StepKind kind) noexcept {
  if constexpr (platform::parallel) {
    if (local.smp_active) [[unlikely]]
      local.executor->begin_step_smp(kind);
  }
  platform::begin_step(kind);
}

[[gnu::always_inline]] inline void Executor::end_step() noexcept {
  platform::end_step();
  if constexpr (platform::checked) {
    if (platform::local().spin_locks != 0) platform::fail("a job waits while it holds a spin lock");
  }
  if constexpr (platform::parallel) {
    if (platform::local().in_strand) [[unlikely]]
      Strand::leave_to_others();
  }
}

inline bool Executor::run_one() noexcept {
  const bool ran = current().step(platform::local(), false);
  platform::local().job = nullptr;
  return ran;
}

inline void Executor::run_until_idle() noexcept {
  Executor* executor = &current();
  while (executor->step(platform::local(), true)) {
    if constexpr (platform::parallel) executor = &current();
  }
  platform::local().job = nullptr;
}

template <class Idle>
[[noreturn]] void Executor::run(Idle&& idle) noexcept {
  for (;;) {
    run_until_idle();
    platform::InterruptGuard masked;
    Executor& executor = current();
    executor.begin_idling();
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
  unlink();
  complete_alone(result);
  return true;
}

inline void Job::complete_alone(WaitResult result) noexcept {
  if (watched()) [[unlikely]]
    return complete_watched(result);
  end_wait(result);
}

inline void Job::end_wait(WaitResult result) noexcept {
  kind = Kind::ready;
  result_ = result;
  Executor::dispatch(*this);
}

inline void Executor::dispatch(Job& job) noexcept {
  Local& local = platform::local();
  if constexpr (platform::parallel) {
    if (local.smp_active) [[unlikely]]
      return local.executor->place(job);
  }
  local.executor->schedule(job);
}

}  // namespace async
