// The executor's functions for scheduling policies. In the ready queue the policy stands in for the
// ready jobs.
#include "async/policy.h"

#include <algorithm>
#include <utility>

#include "async/executor.h"
#include "async/mutex.h"

namespace async {

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
  // Replaces the sentinel of an empty inbox. If the inbox has entries, drain_inbox() will do that.
  inbox_.compare_exchange_strong(end, inbox_end(), std::memory_order_relaxed);
  bool policies = false, deadlines = false;
  for (unsigned hart = 0; hart < platform::max_harts; ++hart) {
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
  // The executor makes this call when the step ends, but the policy charges the job in it, which
  // changes the deadline and members of the entity.
  if (Policy* const policy = ready_.policy()) policy->stopped(job);
  enter_heap(job);
}

void Executor::enter_heap(Job& job) noexcept {
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

void ReadyQueue::set_policy(Policy* policy) noexcept {
  policy_ = policy;
  seen_ = nullptr;
  state_ =
      policy == nullptr ? nothing : reinterpret_cast<std::uint64_t>(static_cast<Node*>(policy));
}

void ReadyQueue::push_second(Node& node) noexcept {
  if (policy() != nullptr) return policy()->put(static_cast<Job&>(node));
  use_rings();
  push_back(node);
}

void ReadyQueue::push_running_second(Node& node) noexcept {
  if (policy() != nullptr) return policy()->yield(static_cast<Job&>(node));
  push_second(node);
}

void ReadyQueue::push_before_sole(Node& node) noexcept {
  if (policy() != nullptr) return policy()->put_back(static_cast<Job&>(node));
  use_rings();
  push_front_in_rings(node);
}

void ReadyQueue::remove_from_policy(Node& node) noexcept {
  policy()->take_out(static_cast<Job&>(node));
}

void ReadyQueue::use_rings() noexcept {
  Node& first = sole();
  first.next = last_[first.priority] = &first;
  state_ = nothing | bit(first.priority);
}

}  // namespace async
