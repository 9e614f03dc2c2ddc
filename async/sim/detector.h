// Detector: what is wrong with a run that none of its jobs would say, each with the job that it
// shows in and the coroutines in which that is.
//
//   deadlock        a job waits for one that waits, by whatever others, for it
//   lost wake       a job waits, and nothing is to come that could wake it
//   double enqueue  a job becomes ready that is ready, or runs without being ready
//   starvation      a job has been ready for longer than it may be
//   stall           a job has run for longer than it may while others were ready, or job after job
//                   takes its steps and no time passes
//
// Sees jobs by their Subjects, through a machine's trace points.
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
    std::uint64_t starving_ns = 0;  // 0: it may be ready for ever
    std::uint64_t stalled_ns = 0;   // 0: it may run for ever
  };
  Detector() = default;
  explicit Detector(const Limits& limits) : limits_(limits) {}

  /// Of a machine's hook.
  void observe(TraceEvent event, const Job& job);
  /// The run is over. `excused(job)`: it may wait for what never comes.
  void end(const Machine& machine, bool (*excused)(const Job& job) = nullptr);

  /// Each begins with the name that it has above; the first of each kind only.
  const std::vector<std::string>& findings() const { return findings_; }

 private:
  void find(const char* kind, const std::string& what, const Job& job);
  void change(Subject& subject, Subject::State state);
  void look_for_circle(const Job& job);
  void check_length(const Job& job, const Subject& subject);

  Limits limits_;
  std::uint64_t ready_ = 0;  // jobs
  std::map<std::string, std::uint64_t> found_;
  std::vector<std::string> findings_;
};

/// What is wrong on a machine on which nothing is to come any more: every job that waits, for whom,
/// and the coroutines that it waits in. Empty if there is none.
std::string stuck_jobs();

}  // namespace async::sim
