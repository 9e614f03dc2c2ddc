// simulate(): runs a workload once on a machine, and returns the results.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "detector.h"
#include "machine.h"
#include "workload.h"

namespace async::sim {

/// A sample of times. It keeps all of them, so percentiles are exact.
class Sample {
 public:
  void add(std::uint64_t ns) { values_.push_back(ns); }
  std::size_t size() const { return values_.size(); }
  double mean() const;
  /// The least value such that `share` (0 … 1) of the values are no greater; 0 if there are none.
  std::uint64_t percentile(double share) const;
  std::uint64_t largest() const { return percentile(1); }
  /// The number of values in each bucket; bucket b begins at 2^(b / 4) ns.
  std::map<unsigned, std::uint64_t> buckets() const;

 private:
  mutable std::vector<std::uint64_t> values_;
  mutable bool sorted_ = false;
};

struct ClassOutcome {
  std::string name;
  std::uint64_t arrived = 0;  // tasks, or rounds of closed tasks, after the warm-up
  std::uint64_t finished = 0;
  std::uint64_t refused = 0;  // tasks whose reservation admission refused
  std::uint64_t missed = 0;   // missed deadlines, also of unfinished work
  std::uint64_t run_ns = 0;   // processor time of finished tasks and rounds
  Sample latency;             // from ready to running, each time
  Sample response;            // from arrival to end
  Sample tardiness;           // from a missed deadline to the end of the work, or of the run
  double slowdown = 0;        // mean of response / time needed alone, of finished work
  // Jain's index: of processor time / weight (closed), or of 1 / slowdown of finished work.
  std::optional<double> fairness;
};

struct Outcome {
  std::uint64_t duration_ns = 0;
  std::uint64_t measured_ns = 0;  // after the warm-up
  unsigned harts = 0;
  Machine::Counts counts;
  std::uint64_t hash = 0;
  double mean_queue = 0;  // mean number of ready jobs over time
  std::uint64_t longest_queue = 0;
  std::vector<ClassOutcome> classes;
  std::vector<std::string> findings;  // of a Detector
  std::vector<std::string> unfit;     // reports: the demand exceeds the harts' time (admission.h)
  std::vector<std::string> unheeded;  // classes whose reservations the policy ignores
  std::vector<std::string> absent;    // classes of which no task arrives before the end
  std::string stuck;                  // tasks that wait for ever: no event is to come; else empty
  std::string unfollowed;  // why the run did not follow the Director's schedule; empty: it did
  /// The findings; if there are none, the stuck tasks; if there are none, a class that missed
  /// deadlines. Empty: nothing is wrong.
  std::string what_is_wrong() const;
  double utilisation() const;  // of all harts, 0 … 1
};

struct SimulateOptions {
  Machine::Options machine;
  Detector::Limits limits;
  /// Called at each trace point, at its time and on its hart (platform::now_ns(),
  /// platform::hart()).
  Machine::Hook hook;
};

/// Throws std::runtime_error if the machine reports trouble: a policy that breaks its contract, or
/// a workload with too many tasks at once.
Outcome simulate(const Workload& workload, const SimulateOptions& options);

/// Jain's fairness index of n values: 1 if all are equal, 1 / n if only one is not 0.
double jain(const std::vector<double>& values);

}  // namespace async::sim
