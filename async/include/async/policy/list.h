// JobList: a list of ready jobs through the links that each Job has. Push, pop and remove are O(1).
#pragma once

#include "async/policy/rules.h"

namespace async::policy {

class JobList {
 public:
  JobList() noexcept { head_.reset(); }
  JobList(const JobList&) = delete;

  bool empty() const noexcept { return head_.alone(); }
  Job& first() noexcept { return static_cast<Job&>(*head_.next); }
  Job& last() noexcept { return static_cast<Job&>(*head_.prev); }
  void push_back(Job& job) noexcept { head_.insert_before(job); }
  void push_front(Job& job) noexcept { head_.next->insert_before(job); }
  static void remove(Job& job) noexcept { job.unlink(); }
  // The list must not be empty; with checks_policies, an empty one returns null.
  Job* pop_front() noexcept { return is_checked_empty() ? nullptr : pop(first()); }
  Job* pop_back() noexcept { return is_checked_empty() ? nullptr : pop(last()); }

  /// The first wanted job among find_limit jobs from the front, or from the end; null if there is
  /// none.
  Job* find(Policy::Wanted wanted, bool from_the_end = false) noexcept {
    Link* at = after(head_, from_the_end);
    for (unsigned left = find_limit; at != &head_ && left != 0; --left) {
      Job& job = static_cast<Job&>(*at);
      if (wanted(job)) return &job;
      at = after(*at, from_the_end);
    }
    return nullptr;
  }
  /// Calls `visit(job)` from the first job on until it returns true. Returns that job, or null.
  template <class Visit>
  Job* for_each(Visit visit) noexcept {
    for (Link* at = head_.next; at != &head_; at = at->next) {
      if (visit(static_cast<Job&>(*at))) return static_cast<Job*>(at);
    }
    return nullptr;
  }
  /// Appends all jobs of `other`, which is empty afterwards.
  void take_all(JobList& other) noexcept {
    while (!other.empty()) push_back(*other.pop_front());
  }

 private:
  static Link* after(const Link& link, bool backwards) noexcept {
    return backwards ? link.prev : link.next;
  }
  bool is_checked_empty() const noexcept { return platform::checks_policies && empty(); }
  static Job* pop(Job& job) noexcept {
    job.unlink();
    return &job;
  }
  Link head_;
};

}  // namespace async::policy
