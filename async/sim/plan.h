// Plan: a workload with all random choices made. It gives the arrival of each task and the length
// of each of its steps, so another program can run the same tasks. The kernel's program `workload`
// reads this format:
//
//   cotrap-plan 1
//   until NS after NS                       the duration, and the warm-up, which is not counted
//   locks LOCK… channels CAPACITY…          LOCK: i has inheritance, n has not
//   class NAME PRIORITY DEADLINE WEIGHT BUDGET PERIOD HARTS       times in nanoseconds, 0: none;
//                                           HARTS is a bit mask
//   task CLASS AT STEP…                     in the order of arrival, times in nanoseconds:
//     rNS run  wNS wait  y yield  lLOCK uLOCK  sCHANNEL vCHANNEL receive  nNS the round's end, and
//     a pause
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "workload.h"

namespace async::sim {

/// The plan of what simulate() runs with this seed, with reservations only if `reserves`. An error:
/// a class forks, or the plan would be too long.
std::expected<std::string, std::string> plan(const Workload& workload, std::uint64_t seed,
                                             bool reserves);

}  // namespace async::sim
