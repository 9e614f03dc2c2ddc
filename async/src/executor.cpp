// The executor's slow paths: steps with a trace hook or a policy, the inbox, the alarm, and changes
// of priorities.
#include "async/executor.h"

#include <algorithm>

#include "async/interrupt.h"
#include "async/mutex.h"
#include "async/policy.h"

namespace async {

constinit std::array<platform::Atomic<Executor*>, platform::max_harts> Executor::by_hart_{};

Executor::Executor(unsigned hart) noexcept : hart_(hart) {
  if (local_.executor != nullptr) platform::fail("this hart has an executor already");
  local_.executor = this;
  inbox_.store(inbox_end(), std::memory_order_relaxed);
  by_hart_[hart].store(this, std::memory_order_release);
}

Executor::~Executor() {
  end_idling();
  by_hart_[hart_].store(nullptr, std::memory_order_release);
  local_.executor = nullptr;
}

// ── a step with a trace hook or a policy ─────────────────────────────────────────────────────────

constinit Link Executor::traced_inbox_end_{nullptr, nullptr};
constinit Link Executor::policy_inbox_end_{nullptr, nullptr};

namespace {
constinit Link in_no_inbox{nullptr, nullptr};
}

Link* Executor::inbox_end() const noexcept {
  if constexpr (!platform::tracing) return nullptr;
  if (trace_hook != nullptr) return &traced_inbox_end_;
  return ready_.policy() != nullptr ? &policy_inbox_end_ : nullptr;
}

bool Executor::step_with_events(Local& local, bool and_more) noexcept {
  const bool is_alone = !platform::parallel || !local.smp_active;
  if (inbox_.load(std::memory_order_relaxed) != &policy_inbox_end_ || !is_alone)
    return step_watched(local);
  // The loop continues while the inbox equals this. No inbox equals in_no_inbox, so with it the
  // loop ends after one step.
  const Link* const to_go_on = and_more ? &policy_inbox_end_ : &in_no_inbox;
  do {
    Policy& policy = *ready_.policy();
    if (policy.empty()) return false;
    Job& job = policy.next();
    resume(local, job, [this, &job] {  // the job may be freed already; a freed slot never waits
      if (job.kind != Kind::waiting) [[likely]]
        return;
      // The step may have changed the policy.
      if (Policy* const present = ready_.policy()) present->stopped(job);
    });
    platform::yield_point();
  } while (inbox_.load(std::memory_order_relaxed) == to_go_on);
  return true;
}

bool Executor::step_watched(Local& local) noexcept {
  local.job = nullptr;
  look_into_inbox();
  Node* const first = ready_.pop();
  if (first == nullptr) return false;
  Job& job = static_cast<Job&>(*first);
  trace(TraceEvent::run, job);
  resume_watched(local, job);
  return true;
}

inline void Executor::resume_watched(Local& local, Job& job) noexcept {
  const bool stays = !job.migrates();  // another hart may take a migrating job before stopped()
  resume(local, job, [&job, stays] {   // platform::job() is null if the job was freed
    if (platform::job() != &job) return;
    if (stays && job.kind == Kind::waiting) {
      if (Policy* const policy = current().policy()) policy->stopped(job);
      trace(TraceEvent::wait, job);
    } else if (!stays || job.kind == Kind::ready) {
      trace(TraceEvent::yield, job);
    }
  });
}

void Executor::resume_step() noexcept {
  Local& local = platform::local();
  resume_watched(local, *local.job);
  platform::local().job = nullptr;
}

// ── inbox: a lock-free stack, which its hart empties as a whole ──────────────────────────────────

void Executor::push(Node& node) noexcept {
  Link* newest = inbox_.load(std::memory_order_relaxed);
  if constexpr (platform::parallel) {
    if (is_inbox_end(newest) && is_in_preemptible_step()) {
      without_ipi_.store(true, std::memory_order_relaxed);  // published by the exchange
    }
  }
  do {
    node.next = newest;
  } while (!inbox_.compare_exchange_weak(newest, &node, std::memory_order_acq_rel,
                                         std::memory_order_relaxed));
  bool relies_on_another = !is_inbox_end(newest);
  if constexpr (platform::parallel) {
    relies_on_another = relies_on_another && !without_ipi_.load(std::memory_order_relaxed);
  }
  if (!relies_on_another && hart_ != platform::hart()) platform::send_ipi(hart_);
}

// Enters the strand, because it wakes jobs of the strand.
void Executor::drain_inbox() noexcept {
  platform::InterruptGuard masked;
  const Strand::Guard strand;
  if constexpr (platform::parallel) {
    if (without_ipi_.load(std::memory_order_relaxed)) [[unlikely]]
      without_ipi_.store(false, std::memory_order_relaxed);
  }
  Link* oldest = nullptr;  // reverses the stack: first pushed, first served
  for (Link* link = inbox_.exchange(inbox_end(), std::memory_order_acquire); !is_inbox_end(link);) {
    Link* const next = link->next;
    link->next = oldest;
    oldest = link;
    link = next;
  }
  while (oldest != nullptr) {
    Node& node = static_cast<Node&>(*oldest);
    oldest = oldest->next;  // first read `next`: the node may be pushed again at once
    switch (node.kind) {
      case Kind::interrupt: static_cast<Interrupt&>(node).deliver(); break;
      case Kind::alarm:
        alarm_pending_.store(false, std::memory_order_release);
        expire(now());
        break;
      case Kind::reprioritize:
        reprioritize_pending_.store(false, std::memory_order_release);
        reprioritize_ready();
        break;
      case Kind::change:
        change_pending_ = false;
        set_policy(coming_policy_);
        break;
      case Kind::offer:
        offer_pending_ = false;
        if (offering_) offer_all();
        break;
      case Kind::steal_request: handle_steal(node); break;
      case Kind::ready: receive(static_cast<Job&>(node)); break;
      default: {  // a parked job
        Job& job = static_cast<Job&>(node);
        job.reset();
        // An exchange, not a store: it acquires the writes before each unpark() call.
        job.park_.exchange(Job::park_none, std::memory_order_acq_rel);
        job.complete(WaitResult::woken);
      }
    }
  }
  if constexpr (platform::parallel) {
    if (local_.smp_active && local_.job != nullptr) offer_rest();  // the step may still run long
  }
}

bool Executor::preempts_with_events(unsigned priority) noexcept {
  look_into_inbox();
  return ready_.has_above(priority);
}

void Executor::unpark(Job& job) noexcept {
  platform::InterruptGuard masked;  // see push()
  const std::uint8_t before = job.park_.exchange(Job::park_token, std::memory_order_acq_rel);
  if (before == Job::park_waiting) of(job.hart)->push(job);
}

// ── time ─────────────────────────────────────────────────────────────────────────────────────────

void Executor::alarm_fired() noexcept {
  if (!alarm_pending_.exchange(true, std::memory_order_acq_rel)) push(alarm_node_);
}

void Executor::set_alarm(Instant deadline) noexcept {
  alarm_ = deadline;
  const auto ns = std::max(deadline.time_since_epoch().count(), Clock::rep{0});
  platform::set_alarm(static_cast<std::uint64_t>(ns));
}

void Executor::expire(Instant now) noexcept {
  alarm_ = never;
  timers_.advance(now);
  if (const Instant next = timers_.next(); next != never) set_alarm(next);
}

// ── priorities ───────────────────────────────────────────────────────────────────────────────────

void Executor::set_priority(Job& job, std::uint8_t priority) noexcept {
  if (priority >= priorities) platform::fail("a priority must be 0 … 31");
  platform::InterruptGuard masked;
  job.base_priority_ = priority;
  inherit(job);
}

void Executor::inherit(Job& job) noexcept {
  // Follows the chain of owners until a job's priority and deadline stay the same. So the loop also
  // ends in a deadlock's circle, where they stop changing.
  for (Job* at = &job; at != nullptr;) {
    const bool has_other_deadline = uses_deadlines() && update_deadline(*at);
    const std::uint8_t priority = effective_priority(*at);
    if (priority != at->priority) {
      apply_priority(*at, priority);
    } else if (!has_other_deadline) {
      return;
    }
    const bool for_mutex = at->kind == Kind::waiting && at->waits_for_ != nullptr &&
                           at->waits_for_->kind == Kind::mutex;
    at = for_mutex ? static_cast<WaitList*>(at->waits_for_)->owner() : nullptr;
  }
}

std::uint8_t Executor::effective_priority(const Job& job) noexcept {
  std::uint8_t priority = job.base_priority_;
  MutexWaiters::for_each_leader_of(
      job, [&](const MutexWaiters& leader) { priority = std::min(priority, leader.level_); });
  return priority;
}

void Executor::apply_priority(Job& job, std::uint8_t priority) noexcept {
  if constexpr (platform::parallel) {
    // Drains the inbox first: the job may be in it, on its way to the ready list, or a steal
    // request in it may take the job to another hart.
    if (job.hart == hart_) look_into_inbox();
    if (job.kind == Kind::ready && job.hart != hart_) return of(job.hart)->request_reprioritize();
  }
  if (job.kind == Kind::ready && ready_.policy() != nullptr) {
    return ready_.policy()->set_priority(job, priority);
  }
  if (job.kind == Kind::ready && !is_running(job)) {
    ready_.remove(job);
    job.priority = priority;
    schedule(job);
    offer_again_ = offering_;  // offer_all() may have passed the new place
    return;
  }
  job.priority = priority;
  if (job.kind == Kind::waiting && job.waits_for_ != nullptr) {
    const Kind target = job.waits_for_->kind;
    if (target == Kind::list || target == Kind::mutex) {
      static_cast<WaitList*>(job.waits_for_)->reorder(job);
      if (target == Kind::mutex) MutexWaiters::of(job)->update_level();
      if (target == Kind::mutex && uses_deadlines()) {
        take_from_heap(job);
        enter_heap(job);
      }
    }
  }
}

}  // namespace async
