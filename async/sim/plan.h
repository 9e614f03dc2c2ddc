// A workload with all that chance has to say said: when each task arrives and how long each of its
// steps is, so that somebody else can do the same. The kernel's program `workload` reads it:
//
//   cotrap-plan 1
//   until NS after NS                       how long; what arrives before `after` is not counted
//   locks LOCK… channels CAPACITY…          a lock is i, which inherits, or n, which does not
//   class NAME PRIORITY DEADLINE WEIGHT BUDGET PERIOD HARTS       times in nanoseconds, 0: none;
//                                           HARTS as bits
//   task CLASS AT STEP…                     in the order of their arrival, times in nanoseconds:
//     rNS run  wNS wait  y yield  lLOCK uLOCK  sCHANNEL vCHANNEL receive  nNS the round's end, and
//     a pause
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "workload.h"

namespace async::sim {

/// As simulate() has it with that seed; reservations only if `reserves`. An error: it has something
/// that cannot be said beforehand.
std::expected<std::string, std::string> plan(const Workload& workload, std::uint64_t seed,
                                             bool reserves);

}  // namespace async::sim
