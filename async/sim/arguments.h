// The simulator's arguments, words KEY=VALUE, from its command line or from a recording.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detector.h"
#include "machine.h"

namespace async::sim {

/// Prints `why` on standard error and ends the program with status 2.
[[noreturn]] void give_up(const std::string& why);

struct Arguments {
  std::string workload;
  std::vector<const async::policy::Kind*> policies;
  std::uint64_t first_seed = 1;
  std::uint64_t last_seed = 1;
  std::uint64_t harts = 0;        // 0: the workload's
  std::uint64_t duration_ns = 0;  // 0: the workload's
  bool buckets = false;
  bool plan = false;                     // only print the plan
  std::uint64_t timeline = 0;            // slices in the first seed's timeline, at most; 0: none
  std::string record;                    // the file for the recording; empty: do not record
  std::string known_as;                  // the workload's name in recordings; empty: `workload`
  std::string by;                        // the world that made the recording; empty: the simulator
  std::optional<std::uint64_t> explore;  // alternatives passed over, at most; empty: off
  std::uint64_t most = 1'000'000;        // schedules to explore, at most
  std::uint64_t depth = 0;               // explore at random for bugs of this depth; 0: depth first
  std::optional<std::string> schedule;   // for a directed policy
  std::string faults;                    // the text of machine.faults; empty: none
  Detector::Limits limits;
  Machine::Options machine;
};

/// Reads one argument. Throws std::runtime_error if `word` is not an argument.
void read_argument(Arguments& arguments, std::string_view word);

}  // namespace async::sim
