// First come, first served. A job runs until it waits, yields or ends.
#pragma once

#include "async/policy/list.h"

namespace async::policy {

class Fifo : public Rules {
 public:
  static constexpr const char* name = "fifo";
  static constexpr const char* summary = "first come, first served, without preemption";
  static constexpr unsigned promises = promise_no_starvation;

  explicit Fifo(const Options& options) noexcept : Rules(options) {}

  void enqueue(Job& job, Entity&) noexcept { queue_.push_back(job); }
  void put_back(Job& job, Entity&) noexcept { queue_.push_front(job); }
  Job* pick() noexcept { return queue_.pop_front(); }
  void remove(Job& job, Entity&) noexcept { JobList::remove(job); }
  Job* find(Wanted wanted) noexcept { return queue_.find(wanted); }

 private:
  JobList queue_;
};

}  // namespace async::policy
