// simulate(): a workload on a machine, once, and what came of it.
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

/// A sample of lengths of time, all kept: percentiles are exact.
class Sample {
 public:
  void add(std::uint64_t ns) { values_.push_back(ns); }
  std::size_t size() const { return values_.size(); }
  double mean() const;
  /// `share` from 0 to 1; 0 of nothing.
  std::uint64_t percentile(double share) const;
  std::uint64_t largest() const { return percentile(1); }
  /// How many are in each bucket: bucket b begins at 2^(b / 4) ns.
  std::map<unsigned, std::uint64_t> buckets() const;

 private:
  mutable std::vector<std::uint64_t> values_;
  mutable bool sorted_ = false;
};

struct ClassOutcome {
  std::string name;
  std::uint64_t arrived = 0;  // pieces of work, after the warm-up
  std::uint64_t finished = 0;
  std::uint64_t refused = 0;  // tasks whose reservation did not fit
  std::uint64_t missed = 0;   // deadlines, also of what has not finished
  std::uint64_t run_ns = 0;   // processor time of what has finished
  Sample latency;             // from ready to running, each time
  Sample response;            // from arrival to end
  Sample tardiness;           // how late, of those that missed their deadline: at the run's end
                              // at the latest
  double slowdown = 0;        // mean of response over the time it needs alone, of what has finished
  // Jain's index: of time for its weight (closed), or of 1 / slowdown of what has finished
  std::optional<double> fairness;
};

struct Outcome {
  std::uint64_t duration_ns = 0;
  std::uint64_t measured_ns = 0;  // after the warm-up
  unsigned harts = 0;
  Machine::Counts counts;
  std::uint64_t hash = 0;
  double mean_queue = 0;  // ready jobs, over time
  std::uint64_t longest_queue = 0;
  std::vector<ClassOutcome> classes;
  std::vector<std::string> findings;  // a Detector's
  std::vector<std::string> unfit;     // what does not fit into the harts' time (admission.h)
  std::vector<std::string> unheeded;  // classes whose reservations the policy knows nothing of
  std::vector<std::string> absent;    // … of which no task comes before the end
  std::string stuck;                  // tasks that wait though nothing is to come; empty: none
  std::string unfollowed;             // of a Director's schedule; empty: nothing
  /// Findings, or else tasks that wait for ever, or else a deadline that was missed; empty:
  /// nothing.
  std::string what_is_wrong() const;
  double utilisation() const;  // of all harts, 0 … 1
};

struct SimulateOptions {
  Machine::Options machine;
  Detector::Limits limits;
  /// Called at each trace point, with the time, the hart and the number of the job.
  Machine::Hook hook;
};

/// Throws std::runtime_error where there is trouble (Machine): a policy that breaks its contract, a
/// workload that needs more than there is.
Outcome simulate(const Workload& workload, const SimulateOptions& options);

/// Of values that should be the same: 1 if they are, 1 / n if one has everything.
double jain(const std::vector<double>& values);

}  // namespace async::sim
