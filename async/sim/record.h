// Schedules in files: what was simulated, and each decision, so that it can be simulated again and
// compared decision by decision.
//
//   cotrap-schedule 2
//   workload=web               as `./cotrap sim` finds it again (simulator.py)
//   policy=edf
//   seed=7
//   …                          as the command's own arguments
//   decisions
//   1500000 0 12 request 9 12  at 1.5 ms hart 0 goes on with task 12, one of `request`; 9 and 12
//                              were ready
//   end 1                      so many; without it the file is cut short
//
// The kernel's and the hosted machine's are made from their traces (cmake/tools/cotrap/sim), and
// say so: by=kernel. Those are replayed for the order of their decisions (divergence.h).
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
  std::vector<std::uint64_t> candidates;  // that were ready, itself among them

  /// What was ready follows from what was decided before.
  friend bool operator==(const Decision& a, const Decision& b) {
    return a.ns == b.ns && a.hart == b.hart && a.task == b.task && a.of == b.of;
  }
};
std::string to_text(const Decision& decision);

struct Recording {
  std::vector<std::string> arguments;  // key=value
  std::vector<Decision> decisions;

  std::string to_file() const;
  /// Throws std::runtime_error, with the line.
  static Recording of_file(std::string_view text);
};

/// A hook for simulate() that notes every decision.
Machine::Hook recorder(std::vector<Decision>& decisions);

}  // namespace async::sim
