// Work stealing (R. Blumofe, C. Leiserson: Scheduling Multithreaded Computations by Work Stealing,
// JACM 1999): a hart runs that one of its jobs that became ready last, because the job's data is
// still in the caches. An idle hart takes a busy hart's oldest job (steal-fifo), which probably has
// the most work, or its newest (steal-lifo). A job that yields goes to the oldest end of the queue.
//
// Made for throughput: the oldest job may starve.
#include "async/policy/kinds.h"
#include "async/policy/list.h"

namespace async::policy {

template <bool steals_newest>
class Stealing : public Rules {
 public:
  static constexpr unsigned promises = promise_nothing;
  explicit Stealing(const Options& options) noexcept : Rules(options) {}

  void enqueue(Job& job, Entity&) noexcept { queue_.push_back(job); }
  void yield(Job& job, Entity&) noexcept { queue_.push_front(job); }
  void put_back(Job& job, Entity&) noexcept { queue_.push_back(job); }
  Job* pick() noexcept { return queue_.pop_back(); }
  void remove(Job& job, Entity&) noexcept { JobList::remove(job); }
  Job* find(Wanted wanted) noexcept { return queue_.find(wanted, steals_newest); }

 private:
  JobList queue_;
};

class StealFifo final : public Stealing<false> {
 public:
  static constexpr const char* name = "steal-fifo";
  static constexpr const char* summary = "the newest job first; idle harts steal the oldest";
  using Stealing::Stealing;
};

class StealLifo final : public Stealing<true> {
 public:
  static constexpr const char* name = "steal-lifo";
  static constexpr const char* summary = "the newest job first; idle harts steal the newest";
  using Stealing::Stealing;
};

ASYNC_POLICY(StealFifo, "steal-fifo");
ASYNC_POLICY(StealLifo, "steal-lifo");

}  // namespace async::policy
