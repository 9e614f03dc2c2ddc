// First come, first served. Under `fifo` a job runs until it waits, yields or ends. Under
// `round-robin` it also stops at the end of its time slice.
#include "async/policy/kinds.h"
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

/// Fifo with time slices.
class RoundRobin final : public Fifo {
 public:
  static constexpr const char* name = "round-robin";
  static constexpr const char* summary = "first come, first served, one time slice each";
  static constexpr unsigned promises = promise_no_starvation;

  using Fifo::Fifo;

  Duration slice(const Entity&) const noexcept { return options().slice; }
};

ASYNC_POLICY(Fifo, "fifo");
ASYNC_POLICY(RoundRobin, "round-robin");

}  // namespace async::policy
