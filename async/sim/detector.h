// Detector: finds errors of a run that no job reports itself. Each finding names the job and the
// coroutines that it runs or waits in.
//
//   deadlock        a job waits for itself, directly or by way of other waiting jobs
//   lost wake       a job waits, and no event is to come that could wake it; or its condition is
//                   true already (WaitList::wakes_when())
//   double enqueue  a job that is ready becomes ready, or a job runs without being ready
//   lost IPI        a hart idles although its inbox has entries
//   starvation      a job has been ready for longer than the limit
//   stall           a job has run for longer than the limit while others were ready, or jobs take
//                   step after step and no virtual time passes
//
// It identifies jobs by their Subjects, and observes them through a machine's trace points.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "machine.h"

namespace async::sim {

class Detector {
 public:
  struct Limits {
    std::uint64_t starving_ns = 0;  // longest time that a job may be ready; 0: no limit
    std::uint64_t stalled_ns = 0;   // longest time that a job may delay others; 0: no limit
  };
  Detector() = default;
  explicit Detector(const Limits& limits) : limits_(limits) {}

  /// Call from a machine's hook.
  void observe(TraceEvent event, const Job& job);
  /// Call when the run is over. `excused(job)`: whether the job may wait for ever.
  void end(const Machine& machine, bool (*excused)(const Job& job) = nullptr);

  /// The first finding of each kind. Its text begins with the kind, for example "deadlock: ".
  const std::vector<std::string>& findings() const { return findings_; }

 private:
  void find(const char* kind, const std::string& what, const Job& job);
  void change(Subject& subject, Subject::State state);
  void check_circle(const Job& job);
  void find_lost_wakes();
  void check_length(const Job& job, const Subject& subject);

  Limits limits_;
  std::uint64_t ready_ = 0;  // number of ready jobs
  std::uint64_t steps_until_check_ = 1;
  std::map<std::string, std::uint64_t> found_;
  std::vector<std::string> findings_;
};

/// For a machine without pending events: every job, what it waits for, and its coroutines. Empty if
/// there are no jobs.
std::string stuck_jobs();

}  // namespace async::sim
