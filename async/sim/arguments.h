// What the simulator was told on its command line, or is told by a recording: words KEY=VALUE.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detector.h"
#include "machine.h"

namespace async::sim {

/// Says so, and ends the program with status 2.
[[noreturn]] void give_up(const std::string& why);

struct Arguments {
  std::string workload;
  std::vector<const async::policy::Kind*> policies;
  std::uint64_t first_seed = 1;
  std::uint64_t last_seed = 1;
  std::uint64_t harts = 0;
  std::uint64_t duration_ns = 0;
  bool buckets = false;
  bool plan = false;                     // that alone
  std::uint64_t timeline = 0;            // slices, of the first seed
  std::string record;                    // to this file
  std::string known_as;                  // what a recording calls the workload; empty: as above
  std::string by;                        // of a recording: which world's; empty: this one's
  std::optional<std::uint64_t> explore;  // up to this bound
  std::uint64_t most = 1'000'000;        // schedules
  std::uint64_t depth = 0;               // at random, instead, for bugs of this depth
  std::optional<std::string> schedule;   // of a directed policy
  Detector::Limits limits;
  Machine::Options machine;
};

/// Throws std::runtime_error where `word` means nothing.
void read_argument(Arguments& arguments, std::string_view word);

}  // namespace async::sim
