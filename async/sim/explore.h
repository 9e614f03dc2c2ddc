// explore(): runs one schedule after another until one fails.
//
// Depth first: a run is a sequence of a director's choices. The next run differs from it in the
// last choice that has an untried alternative. All schedules are tried that pass over at most
// `bound` alternatives in all (M. Emmi, S. Qadeer, Z. Rakamarić: Delay-Bounded Scheduling, POPL
// 2011). The bound rises from 0, so the first failure found passes over the fewest alternatives.
//
// A run is cut short when its history (history.h) equals that of an earlier run which had passed
// over no more alternatives, because its continuation is known. This is exact if the bound left out
// no schedule (is_whole). Otherwise it is an approximation: runs with the same history may have
// their alternatives in different orders, and only that of the first run is explored.
//
// At random: each job and each interrupt has a random priority, and the highest comes first. At
// depth − 1 random choices, the priorities change: that of the job or interrupt which would be next
// falls below all others. Each seed has two schedules: the first without these falls, the second
// with them. The first run counts its choices; the second run then draws the choices at which a
// priority falls. So no result depends on an earlier seed.
//
// A bug of depth d needs d events in a certain order. With n jobs and interrupts and k choices,
// each run finds it with a probability of at least 1 / (n k^(d − 1)) (S. Burckhardt, P. Kothari, M.
// Musuvathi, S. Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs,
// ASPLOS 2010).
//
// A schedule that fails is shrunk: afterwards it passes over only those alternatives without which
// it would not fail.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "director.h"

namespace async::sim {

struct Exploration {
  /// Sets up a machine under a directed policy, runs it, and returns what is wrong; empty: nothing.
  using Run = std::function<std::string()>;
  struct Options {
    unsigned bound = 4;  // the most alternatives that a schedule may pass over
    std::uint64_t most = 1'000'000;
    bool reduces = true;  // cut a run short where an earlier one was in the same state
  };
  struct RandomOptions {
    unsigned depth = 3;
    std::uint64_t most = 10'000;
    std::uint64_t seed = 1;  // the first seed; the following numbers come next
    std::function<void(std::uint64_t seed)> begin_seed = {};  // called before a seed's runs
  };

  std::uint64_t schedules = 0;  // schedules tried, without those for shrinking
  std::uint64_t left = 0;       // tried schedules that were cut short, see above
  unsigned bound = 0;           // the last bound tried; at random: the depth
  bool is_whole = false;        // the bound left out no schedule
  std::uint64_t seed = 0;       // at random: the seed that failed, or the last one
  std::string failure;          // empty: none
  std::string schedule;         // the schedule that failed

  static Exploration depth_first(const Options& options, const Run& run);
  static Exploration at_random(const RandomOptions& options, const Run& run);

 private:
  bool try_bound(const Options& options, const Run& run);
  void shrink(const Run& run);
};

/// Runs one schedule and returns what is wrong; empty: nothing.
std::string run_under(std::string_view schedule, const Exploration::Run& run);

}  // namespace async::sim
