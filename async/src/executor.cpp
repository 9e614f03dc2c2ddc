// The executor's slow paths: steps with a trace hook or a policy, the inbox, the alarm, changes of
// priorities, scheduling policies, and inherited deadlines. Where jobs run is in placement.cpp.
#include "async/executor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "async/interrupt.h"
#include "async/mutex.h"
#include "async/policy.h"
#include "async/sharing_timer.h"
#include "async/spawn.h"
#include "async/task.h"

namespace async {

constinit std::array<platform::Atomic<Executor*>, platform::max_harts> Executor::by_hart_{};
constinit std::atomic<unsigned> Executor::end_ = 0;

Executor::Executor(unsigned hart) noexcept : hart_(hart) {
  if (local_.executor != nullptr) platform::fail("this hart has an executor already");
  local_.executor = this;
  inbox_.store(inbox_end(), std::memory_order_relaxed);
  by_hart_[hart].store(this, std::memory_order_release);
  for (unsigned end = end_.load(); end <= hart && !end_.compare_exchange_weak(end, hart + 1);) {
  }
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
  if (inbox_is_empty() || !delays_inbox()) look_into_inbox();
  Node* const first = ready_.pop();
  if (first == nullptr) return false;
  Job& job = static_cast<Job&>(*first);
  trace(TraceEvent::run, job);
  resume_watched(local, job);
  return true;
}

inline void Executor::resume_watched(Local& local, Job& job) noexcept {
  // Another hart may take a migrating job before stopped() is called. A parallel job clears
  // local().job before that.
  bool stays = platform::parallel_jobs || !job.migrates();
  resume(local, job, [&job, &stays] {  // platform::job() is null if the job was freed
    if (platform::job() != &job) return;
    // The step has shared the strand, so another hart may have ended its wait already. No step
    // waits in this way while there is a trace hook or a policy.
    if (Strand::is_shared()) return;
    if (stays && job.kind == Kind::waiting) {
      if (Policy* const policy = current().policy()) policy->stopped(job);
      trace(TraceEvent::wait, job);
    } else if (!stays || job.kind == Kind::ready) {
      trace(TraceEvent::yield, job);
    }
  });
}

constinit FrameHeader Executor::to_loop_{.resume = yield_to_loop, .destroy = nullptr};
constinit FrameHeader Executor::next_beginning_{.resume = begin_next, .destroy = nullptr};

void Executor::yield_to_loop(void*) noexcept {
  const Local& local = platform::local();
  local.executor->requeue(*local.job);
}

void* Executor::begin_next_step() noexcept {
  const StepKind kind = platform::job()->step_kind();
  if (!is_preemptible(kind)) std::unreachable();
  platform::begin_step(kind);
  may_stand_still();
  // An interrupt may have preempted the step meanwhile, and another hart may continue it.
  return platform::job()->leaf_.address();
}

// Not noexcept: with exceptions, clang makes no tail call in a noexcept function.
void Executor::begin_next(void*) {
  void* const leaf = begin_next_step();
#ifdef __clang__
  [[clang::musttail]]
#endif
  return static_cast<FrameHeader*>(leaf)
      ->resume(leaf);
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
  may_stand_still();
  if (!relies_on_another && hart_ != platform::hart()) platform::send_ipi(hart_);
}

namespace {
/// Whether `node`, which is in an inbox, concerns only parallel jobs.
[[maybe_unused]] bool is_for_parallel_jobs(const Node& node) noexcept {
  if (node.kind == Kind::detach) return true;
  return (node.kind == Kind::ready || node.kind == Kind::waiting) &&
         static_cast<const Job&>(node).is_parallel();
}
}  // namespace

// On one hart an alarm is often alone in the inbox. It needs no loop.
void Executor::drain_inbox() noexcept {
  platform::InterruptGuard masked;
  if constexpr (platform::parallel) {
    if (local_.smp_active) [[unlikely]] {
      if (expire_sharing()) return;
      if (Strand::is_shared()) Strand::stop_sharing();
      return drain_all();
    }
  }
  Link* only = &alarm_node_;
  if (inbox_.load(std::memory_order_acquire) != only || !is_inbox_end(alarm_node_.next) ||
      !inbox_.compare_exchange_strong(only, inbox_end(), std::memory_order_acq_rel,
                                      std::memory_order_relaxed))
    return drain_all();
  if constexpr (platform::injects_faults) drains_ = drains_ + 1;
  alarm_pending_.store(0, std::memory_order_release);
  Strand::Guard strand{!Strand::is_held()};
  expire(now());
}

// Enters the strand, because it wakes jobs of the strand. A step that shares the strand stays in
// it. Only for SharingTimers it suffices to share the strand. Parallel jobs need no strand.
void Executor::drain_all() noexcept {
  // A step that runs may have jobs of the strand for idle harts: offer_rest().
  const bool enters = !platform::parallel_jobs || local_.job != nullptr;
  Strand::Guard strand{enters && !Strand::is_held()};
  if constexpr (platform::parallel) {
    if (without_ipi_.load(std::memory_order_relaxed)) [[unlikely]]
      without_ipi_.store(false, std::memory_order_relaxed);
  }
  if constexpr (platform::injects_faults) drains_ = drains_ + 1;
  bool is_alarm_due = false;
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
    if (platform::parallel_jobs && !is_for_parallel_jobs(node)) strand.enter();
    switch (node.kind) {
      case Kind::interrupt: static_cast<Interrupt&>(node).deliver(); break;
      case Kind::alarm:
        alarm_pending_.store(0, std::memory_order_release);
        is_alarm_due = true;
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
      case Kind::ready: receive_ready(static_cast<Job&>(node)); break;
      default: {  // a parked job
        if constexpr (platform::parallel_jobs) {
          if (Parallel::receive(node)) break;
        }
        Job& job = static_cast<Job&>(node);
        job.reset();
        // Not a store: it acquires the writes before each unpark() call.
        job.park_.fetch_and(Job::park_none, std::memory_order_acq_rel);
        job.complete(WaitResult::woken);
      }
    }
  }
  // After the loop: a timer may cancel a job or change its priority, and so must find the job in
  // the ready list, not in the chain that the loop serves.
  if (is_alarm_due) expire(now());
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
  const std::uint8_t before = job.park_.fetch_or(Job::park_token, std::memory_order_acq_rel);
  if (before == Job::park_waiting) of(job.hart)->push(job);
}

// ── time ─────────────────────────────────────────────────────────────────────────────────────────

void Executor::alarm_fired() noexcept {
  if (alarm_pending_.exchange(1, std::memory_order_acq_rel) == 0) push(alarm_node_);
}

void Executor::set_alarm(Instant deadline) noexcept {
  alarm_ = deadline;
  const auto ns = std::max(deadline.time_since_epoch().count(), Clock::rep{0});
  platform::set_alarm(static_cast<std::uint64_t>(ns));
}

inline void Executor::set_next_alarm() noexcept {
  if (const Instant next = timers_.next(); next != never) set_alarm(next);
}

void Executor::expire(Instant now) noexcept {
  alarm_ = never;
  timers_.advance(now);
  set_next_alarm();
}

/// If only the alarm is in the inbox, and only SharingTimers are due: fires them while the hart
/// shares the strand, and takes the alarm out of the inbox. Otherwise returns false: the caller
/// drains the inbox in the strand.
bool Executor::expire_sharing() noexcept {
  if (local_.in_strand || local_.sharer == nullptr || watched()) return false;
  Link* only = &alarm_node_;
  if (inbox_.load(std::memory_order_acquire) != only || alarm_node_.next != nullptr) return false;
  std::optional<Strand::Sharing> sharing;
  if (!local_.shares_strand) sharing.emplace();
  alarm_ = never;
  if (!timers_.advance_only(now(), &SharingTimer::fire)) return false;
  if (!inbox_.compare_exchange_strong(only, nullptr, std::memory_order_acq_rel,
                                      std::memory_order_relaxed))
    return false;
  alarm_pending_.store(0, std::memory_order_release);
  set_next_alarm();
  return true;
}

void SharingTimer::fire(Timer& timer) noexcept {
  SharingTimer& self = static_cast<SharingTimer&>(timer);
  const auto [job, result] = self.end_(self);
  if (job == nullptr) return;
  Strand::is_held() ? job->complete_alone(result) : job->complete_sharing(result);
}

// ── priorities ───────────────────────────────────────────────────────────────────────────────────

void Executor::set_priority(Job& job, std::uint8_t priority) noexcept {
  if (priority >= priorities) platform::fail("a priority must be 0 … 31");
  platform::InterruptGuard masked;
  Strand::check_access_unless([&] { return &job == local_.job || job.is_parallel(); });
  job.own_.priority = priority;
  if constexpr (platform::parallel_jobs) {
    if (job.is_parallel()) return apply_parallel_priority(job);
  }
  const bool may_inherit = JobPage::of(job).contended_of(job) != nullptr || uses_deadlines();
  if (&job == local_.job && !may_inherit && ready_.policy() == nullptr) {
    job.priority = job.base_priority();  // a running job is in no ready list
  } else {
    inherit(job);
  }
}

/// Only the job's hart changes Node::priority of a parallel job, and only while the job is ready or
/// runs. A waiting job takes the new priority over when it becomes ready.
void Executor::apply_parallel_priority(Job& job) noexcept {
  if (&job == local_.job) {
    job.priority = job.base_priority();
  } else {
    of(job.hart)->request_reprioritize();
  }
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
    // A parallel owner may be woken at this moment, and it inherits nothing.
    if constexpr (platform::parallel_jobs) return;
    const bool for_mutex = at->kind == Kind::waiting && at->waits_for_ != nullptr &&
                           at->waits_for_->kind == Kind::mutex;
    at = for_mutex ? static_cast<WaitList*>(at->waits_for_)->owner() : nullptr;
  }
}

std::uint8_t Executor::effective_priority(const Job& job) noexcept {
  std::uint8_t priority = job.base_priority();
  MutexWaiters::for_each_leader_of(
      job, [&](const MutexWaiters& leader) { priority = std::min(priority, leader.level_); });
  return priority;
}

void Executor::apply_priority(Job& job, std::uint8_t priority) noexcept {
  if constexpr (platform::parallel) {
    // Drains the inbox first: the job may be in it, on its way to the ready list, or a steal
    // request in it may take the job to another hart. The running job is in no inbox.
    if (job.hart == hart_ && &job != local_.job) look_into_inbox();
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
  if constexpr (platform::parallel_jobs) {
    // Parallel jobs that enter the list read the priority, so it changes only under the list's
    // lock.
    if (WaitList* const list = job.awaited_list()) {
      const ListLock::Guard guard(list->lock());
      job.priority = priority;
      return list->reorder(job);
    }
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

// ── scheduling policies ──────────────────────────────────────────────────────────────────────────

constinit SharedWord<bool> Executor::policies_in_use_ = false;
constinit SharedWord<bool> Executor::deadlines_in_use_ = false;
constinit SharedWord<bool> Executor::attributes_in_use_ = false;

void Executor::update_watched() noexcept {
  platform::InterruptGuard masked;
  const bool are_watched = policies_in_use_ || attributes_in_use_ || trace_hook != nullptr;
  jobs_are_watched = are_watched;
  PromiseBase::watch_ends(are_watched);
  // Makes each executor drain its inbox, which gives the inbox the sentinel for the new state.
  for (unsigned hart = 0; hart < Executor::end(); ++hart) {
    if (Executor* const executor = of(hart)) executor->alarm_fired();
  }
}

void Executor::set_policy(Policy* policy) noexcept {
  if (!platform::tracing) platform::fail("a policy needs trace points, and this build has none");
  platform::InterruptGuard masked;
  const Strand::Guard strand;
  ReadyQueue before;
  while (Node* const node = ready_.take_any()) before.push_back(*node);
  empty_heaps();
  if (policy != nullptr) {
    if (policies_in_use_) {
      forget_entities(hart_);
    } else if (!attributes_in_use_) {
      forget_entities();
    }
    attributes_in_use_ = false;
  }
  Link* end = inbox_end();
  ready_.set_policy(policy);
  local_.hands_over = local_.may_hand_over && policy == nullptr;
  // Replaces the sentinel of an empty inbox. If the inbox has entries, drain_inbox() will do that.
  inbox_.compare_exchange_strong(end, inbox_end(), std::memory_order_relaxed);
  bool policies = false, deadlines = false;
  for (unsigned hart = 0; hart < Executor::end(); ++hart) {
    const Policy* const each = of(hart) == nullptr ? nullptr : of(hart)->ready_.policy();
    if (each == nullptr) continue;
    policies = true;
    deadlines |= each->goes_by_deadlines();
  }
  policies_in_use_ = policies;
  deadlines_in_use_ = deadlines;
  if (deadlines) fill_heaps();
  // Makes the running job the new policy's running job, unless it has just begun to wait.
  if (local_.job != nullptr && local_.job->kind == Kind::ready && policy != nullptr) {
    policy->put(*local_.job);
    policy->next();
  }
  while (Node* const node = before.pop()) ready_.push_back(*node);
  update_watched();
}

void Executor::change_policy(Policy* policy) noexcept {
  coming_policy_ = policy;
  if (!std::exchange(change_pending_, true)) push(change_node_);
}

void Executor::set_attributes(Job& job, const Attributes& attributes) noexcept {
  platform::InterruptGuard masked;
  const Strand::Guard strand;
  if (Policy* const policy = of(job.hart)->ready_.policy()) {
    if (platform::checked && job.hart != platform::hart())
      platform::fail("the attributes of a job are set on another hart than the job's");
    policy->adjust(job, attributes);
  } else {
    if (!policies_in_use_ && !attributes_in_use_) begin_attributes();
    entity_of(job).attributes = attributes;
  }
  if constexpr (platform::parallel_jobs) return;  // mutexes lend no deadlines
  MutexWaiters* const waiters = MutexWaiters::of(job);
  if (waiters == nullptr || !uses_deadlines()) return;
  // The mutex's holder may inherit the new deadline.
  take_from_heap(job);
  enter_heap(job);
  current().inherit(job);
  if (waiters->owner() != nullptr) current().inherit(*waiters->owner());
}

/// Attributes are set before the first policy. From now on each new job resets the entity of its
/// slot, which may hold the attributes of an earlier job.
void Executor::begin_attributes() noexcept {
  forget_entities();
  attributes_in_use_ = true;
  if (!watched()) update_watched();
}

// ── inherited deadlines ──────────────────────────────────────────────────────────────────────────

std::int64_t Executor::deadline_of(const Job& job) noexcept {
  const Policy* const policy = of(job.hart)->ready_.policy();
  return policy == nullptr ? no_deadline : policy->deadline_of(job);
}

std::int64_t Executor::find_deadline_lent_to(const Job& job) noexcept {
  std::int64_t deadline = no_deadline;
  MutexWaiters::for_each_leader_of(job, [&](MutexWaiters& leader) {
    leader.for_each_of_level([&](const MutexWaiters& waiters) {
      const policy::JobHeap& heap = waiters.by_deadline_;
      if (!heap.empty()) deadline = std::min(deadline, heap.first().key);
    });
  });
  return deadline;
}

bool Executor::update_deadline(Job& job) noexcept {
  Executor& executor = *of(job.hart);
  Policy* const policy = executor.ready_.policy();
  if (policy == nullptr || !policy->has_other_deadline(job)) return false;
  if (job.kind == Kind::ready && &executor != this) {
    executor.request_reprioritize();
  } else {
    take_from_heap(job);
    policy->update_deadline(job);
    enter_heap(job);
  }
  return true;
}

/// The waiter with the earliest deadline; if none has a deadline, the first in the list. There is
/// at least one waiter.
Job* Executor::first_due(MutexWaiters& waiters) noexcept {
  const policy::JobHeap& heap = waiters.by_deadline_;
  return heap.empty() ? static_cast<Job*>(waiters.next) : heap.first().job;
}

// ── the heaps of mutexes' waiters ────────────────────────────────────────────────────────────────
//
// A heap and a policy use the same members of Entity. So a job enters a heap after the executor has
// called Policy::stopped() for it, and leaves the heap before Policy::put(). If a hart's policy has
// no deadlines, its jobs enter no heap.

void Executor::sort_in(Job& job) noexcept {
  // The executor calls stopped() at the end of the step, which is too late here: stopped() charges
  // the job, and so changes its deadline and members of the entity.
  if (Policy* const policy = ready_.policy()) policy->stopped(job);
  enter_heap(job);
}

void Executor::enter_heap(Job& job) noexcept {
  if constexpr (platform::parallel_jobs) return;  // mutexes lend no deadlines
  MutexWaiters* const waiters = MutexWaiters::of(job);
  if (waiters == nullptr) return;
  const std::int64_t deadline = deadline_of(job);
  if (deadline == no_deadline) return;
  Entity& entity = entity_of(job);
  waiters->by_deadline_.push(entity, deadline, job.priority);
  entity.in_waiters = true;
}

void Executor::take_from_heap(Job& job) noexcept {
  MutexWaiters* const waiters = MutexWaiters::of(job);
  if (waiters == nullptr || !has_entity(job)) return;
  Entity& entity = known_entity_of(job);
  if (std::exchange(entity.in_waiters, false)) waiters->by_deadline_.remove(entity);
}

/// Empties the heaps before forget_entities(), which resets the jobs in them.
void Executor::empty_heaps() noexcept {
  MutexWaiters::for_each_listed([](MutexWaiters& waiters) {
    policy::JobHeap& heap = waiters.by_deadline_;
    while (!heap.empty()) entity_of(*heap.pop()).in_waiters = false;
  });
}

void Executor::fill_heaps() noexcept {
  MutexWaiters::for_each_listed([](MutexWaiters& waiters) {
    for (Link* at = waiters.next; at != &waiters; at = at->next) {
      enter_heap(*static_cast<Job*>(at));
    }
  });
}

}  // namespace async
