// The ready queue's slow paths: a policy that stands in for its ready jobs, and the search for jobs
// that another hart may run.
#include "async/ready_queue.h"

#include <bit>
#include <utility>

#include "async/executor.h"
#include "async/policy.h"

namespace async {

void ReadyQueue::set_policy(Policy* policy) noexcept {
  policy_ = policy;
  seen_ = nullptr;
  state_ =
      policy == nullptr ? nothing : reinterpret_cast<std::uint64_t>(static_cast<Node*>(policy));
}

void ReadyQueue::push_second(Node& node) noexcept {
  if (policy() != nullptr) return policy()->put(static_cast<Job&>(node));
  use_rings();
  push_back_in_rings(node);
}

void ReadyQueue::push_newest_second(Node& node) noexcept {
  if (policy() != nullptr) return policy()->put(static_cast<Job&>(node));
  use_rings();
  push_front_in_rings(node);
}

/// Adds the running job if a policy is set, or if no other job of its level is in a ring.
void ReadyQueue::push_running_apart(Node& node) noexcept {
  if (policy() != nullptr) return policy()->yield(static_cast<Job&>(node));
  if (is_sole()) use_rings();
  push_back_in_rings(node);
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

/// Takes out the last job of the most urgent level. New parallel jobs come first in their level, so
/// this one usually has the most work. Null if it must stay.
Job* ReadyQueue::take_oldest(bool first_is_kept, Search& search) noexcept {
  if (state_ == nothing) return nullptr;
  Link* const last = last_[top()];
  Job& job = *static_cast<Job*>(last);
  if ((first_is_kept && last->next == last) || !search.wants(job)) return nullptr;
  remove(job);
  return &job;
}

Job* ReadyQueue::take(bool first_is_kept, Search& search) noexcept {
  if (is_sole()) {
    if (policy() != nullptr) return policy()->take(first_is_kept, search);
    Job& job = static_cast<Job&>(sole());
    search.is_over = first_is_kept || !search.wants(job);
    return search.is_over ? nullptr : static_cast<Job*>(pop());
  }
  if constexpr (platform::parallel_jobs) {
    if (Job* const oldest = take_oldest(first_is_kept, search)) return oldest;
  }
  if (std::exchange(search.from_start, false)) {
    seen_ = nullptr;
    seen_level_ = 0;
  }
  const Link* const kept = first_is_kept && state_ != nothing ? last_[top()]->next : nullptr;
  const std::uint64_t not_seen = ~std::uint64_t{0} << seen_level_;
  for (std::uint64_t levels = state_ >> 1 & not_seen; levels != 0; levels &= levels - 1) {
    const auto level = static_cast<unsigned>(std::countr_zero(levels));
    if (level != std::exchange(seen_level_, level)) seen_ = nullptr;
    while (seen_ != last_[level]) {
      if (search.left == 0) return nullptr;
      --search.left;
      Link& before = *(seen_ != nullptr ? seen_ : last_[level]);
      Job& job = static_cast<Job&>(*before.next);
      if (&job != kept && search.wants(job)) {
        remove_after(before, job);
        return &job;
      }
      seen_ = &job;
    }
  }
  search.is_over = true;
  return nullptr;
}

}  // namespace async
