// Admission: may a task begin, under a policy that promises deadlines? Its reservation, together
// with those of the tasks that are there, has to fit into the harts' time; else it is refused, and
// the task has to do with what they leave, by its deadline. What has no reservations has to
// fit, too, but is known by its workload only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "async/policy/all.h"
#include "workload.h"

namespace async::sim {

/// Whether the policy looks after deadlines, and so after reservations.
bool looks_after_deadlines(const policy::Kind& policy);

/// The classes whose reservations mean nothing under that policy.
std::vector<std::string> unheeded_reservations(const Workload& workload,
                                               const policy::Kind& policy);

class Admission {
 public:
  explicit Admission(unsigned harts) : harts_(harts) {}

  /// One more of that class; false: it does not fit. What has no reservation fits.
  bool admit(const TaskClass& what);
  /// One that was admitted has ended.
  void release(const TaskClass& what);

 private:
  unsigned harts_;
  std::uint64_t used_ = 0;  // of a hart's time, in millionths, each rounded up
};

/// How many harts the classes with deadlines that come again and again keep busy in the mean.
double demand_with_deadlines(const Workload& workload);

}  // namespace async::sim
