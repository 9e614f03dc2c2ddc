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
  if (policy != nullptr) policies_in_use_ ? forget_entities(hart_) : forget_entities();
  Link* end = inbox_end();
  ready_.set_policy(policy);
  // Replaces the sentinel of an empty inbox. If the inbox has entries, drain_inbox() will do that.
  inbox_.compare_exchange_strong(end, inbox_end(), std::memory_order_relaxed);
  // Makes the running job the new policy's running job.
  if (local_.job != nullptr && policy != nullptr) {
    policy->put(*local_.job);
    policy->next();
  }
  while (Node* const node = before.pop()) ready_.push_back(*node);
  bool policies = false, deadlines = false;
  for (unsigned hart = 0; hart < platform::max_harts; ++hart) {
    const Policy* const each = of(hart) == nullptr ? nullptr : of(hart)->ready_.policy();
    if (each == nullptr) continue;
    policies = true;
    deadlines |= each->goes_by_deadlines();
  }
  policies_in_use_ = policies;
  deadlines_in_use_ = deadlines;
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
    policy->adjust(job, attributes);
  } else {
    entity_of(job).attributes = attributes;
  }
  // If the job waits for a mutex, the holder may inherit the new deadline.
  if (job.kind == Kind::waiting) current().inherit(job);
}

// ── inherited deadlines ──────────────────────────────────────────────────────────────────────────

std::int64_t Executor::deadline_of(const Job& job) noexcept {
  const Policy* const policy = of(job.hart)->ready_.policy();
  return policy == nullptr ? no_deadline : policy->deadline_of(job);
}

std::int64_t Executor::find_deadline_lent_to(const Job& job) noexcept {
  std::int64_t deadline = no_deadline;
  for (Mutex* mutex = Mutex::first_of(job); mutex != nullptr; mutex = mutex->next_of_owner_) {
    if (mutex->waiters_.empty()) continue;
    deadline = std::min(deadline, deadline_of(*first_due(mutex->waiters_)));
  }
  return deadline;
}

bool Executor::update_deadline(Job& job) noexcept {
  Executor& executor = *of(job.hart);
  Policy* const policy = executor.ready_.policy();
  if (policy == nullptr || !policy->has_other_deadline(job)) return false;
  if (job.kind == Kind::ready && &executor != this) {
    executor.request_reprioritize();
  } else {
    policy->update_deadline(job);
  }
  return true;
}

/// The waiter with the earliest deadline; among equals, the first in the list. The list contains
/// only jobs, at least one.
Job* Executor::first_due(WaitList& waiters) noexcept {
  Job* first = static_cast<Job*>(waiters.next);
  for (Link* at = first->next; at != &waiters; at = at->next) {
    Job* const job = static_cast<Job*>(at);
    if (deadline_of(*job) < deadline_of(*first)) first = job;
  }
  return first;
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
