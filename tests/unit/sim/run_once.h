// One run, under a director, of jobs that a test spawns: the unit of exploration.
#pragma once

#include <string>

#include "../policy/support.h"
#include "detector.h"
#include "explore.h"

namespace sim_test {

using namespace policy_test;

/// Runs the jobs that `set_up` spawns to their end. Returns the error that `check` or a detector
/// reports; empty: none.
template <class State>
std::string run_once(void (*set_up)(Bench&, State&), std::string (*check)(State&),
                     unsigned harts = 1) {
  State state;
  Bench bench(async::sim::directed_policy(true), harts);
  async::sim::Detector detector;
  bench.machine.set_hook(
      [&](async::TraceEvent event, const async::Job& job) { detector.observe(event, job); });
  set_up(bench, state);
  bench.machine.run_until(ns(1s));
  const async::sim::Director* const director = async::sim::Director::present();
  if (director != nullptr && director->is_over()) return "";
  detector.end(bench.machine);
  std::string wrong = check(state);
  for (const std::string& finding : detector.findings()) wrong += finding;
  return wrong;
}

template <class State>
std::string nothing(State&) {
  return "";
}

inline Task<> spin(unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await async::yield();
}

}  // namespace sim_test
