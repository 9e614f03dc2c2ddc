// explore(): schedules of a run, one after another, until one fails.
//
// Depth first: a run is a sequence of a director's choices; the next one differs from it in the
// last choice that has an alternative left, and all are tried in which no more than `bound` are
// passed over in all (M. Emmi, S. Qadeer, Z. Rakamarić: Delay-Bounded Scheduling, POPL 2011).
// Bounds are tried from 0 up, so what fails fails with few. A run is left where another one with
// the same history (history.h) has been that had passed over no more: what may come is known. That
// is exact once the bound is not in the way (is_whole); below, the order in which things came is
// what it was in the run that came there first.
//
// At random: each job and each interrupt has a priority that is drawn, the highest goes first, and
// at depth − 1 points that are drawn, too, whoever would be next falls behind all others. Each seed
// has two schedules, without these points and with them: the first one says among how many choices
// they are to be. So what a seed finds has nothing to do with the seeds before. A bug
// that needs `depth` things to come in a certain order is found in each run with a probability of
// at least 1 / (n k^(depth − 1)), where n go and k are chosen (S. Burckhardt, P. Kothari, M.
// Musuvathi, S. Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs,
// ASPLOS 2010).
//
// A schedule that fails is shrunk: what need not be passed over for it to fail is not.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "director.h"

namespace async::sim {

struct Exploration {
  /// Sets up a machine under a directed policy, runs it, and says what is wrong; empty: nothing.
  using Run = std::function<std::string()>;
  struct Options {
    unsigned bound = 4;  // depth first: how many may be passed over
    std::uint64_t most = 1'000'000;
    bool reduces = true;  // … leaves runs that come where another one was
  };
  struct RandomOptions {
    unsigned depth = 3;
    std::uint64_t most = 10'000;
    std::uint64_t seed = 1;  // the first one; then those that follow
    std::function<void(std::uint64_t seed)> begin_seed = {};  // called before a seed's runs
  };

  std::uint64_t schedules = 0;  // tried until one failed; shrinking it is not counted
  std::uint64_t left = 0;       // … of which so many were left on the way
  unsigned bound = 0;           // that was reached, or at which it failed
  bool is_whole = false;        // no schedule was left out for the bound's sake
  std::uint64_t seed = 0;       // at random: that failed, and does so if it is the first one
  std::string failure;          // empty: none
  std::string schedule;         // that failed

  static Exploration depth_first(const Options& options, const Run& run);
  static Exploration at_random(const RandomOptions& options, const Run& run);

 private:
  bool try_bound(const Options& options, const Run& run);
  void shrink(const Run& run);
};

/// What is wrong under that schedule.
std::string run_under(std::string_view schedule, const Exploration::Run& run);

}  // namespace async::sim
