// Recordings: schedules in files. A recording holds the arguments of a simulation and each
// decision, so it can be simulated again and compared decision by decision.
//
//   cotrap-schedule 2
//   workload=web               for `./cotrap sim`, which finds the workload again (simulator.py)
//   policy=edf
//   seed=7
//   …                          the command's other arguments
//   decisions
//   1500000 0 12 request 9 12  at 1.5 ms hart 0 runs task 12 of the class `request`; tasks 9 and 12
//                              were ready
//   end 1                      the number of decisions; without it the file is cut short
//
// Recordings of the kernel and of the hosted machine are made from their traces
// (cmake/tools/cotrap/sim), and name their world: by=kernel. Only the order of their decisions is
// compared (divergence.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "run.h"

namespace async::sim {

struct Decision {
  std::uint64_t ns;
  unsigned hart;
  std::uint64_t task;
  std::string of;                         // the name of its class
  std::vector<std::uint64_t> candidates;  // the ready tasks, `task` among them

  /// Ignores the candidates: they follow from the decisions before.
  friend bool operator==(const Decision& a, const Decision& b) {
    return a.ns == b.ns && a.hart == b.hart && a.task == b.task && a.of == b.of;
  }
};
std::string to_text(const Decision& decision);

struct Recording {
  std::vector<std::string> arguments;  // key=value
  std::vector<Decision> decisions;

  std::string to_file() const;
  /// Throws std::runtime_error, whose text begins with the line number.
  static Recording of_file(std::string_view text);
};

/// A hook for simulate() that appends every decision to `decisions`.
Machine::Hook recorder(std::vector<Decision>& decisions);

}  // namespace async::sim
