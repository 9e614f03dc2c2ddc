// Where a schedule that another world has recorded, the kernel or the hosted machine, and the
// simulator's own of the same workload part. Times are never the same, so it is the order in which
// each hart goes from task to task that is compared.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "record.h"

namespace async::sim {

/// As recorder(), without what a hart leaves in the moment in which it goes on with it, for
/// something that comes in that moment, too: other worlds have one interrupt for both.
Machine::Hook recorder_of_runs(std::vector<Decision>& decisions);

/// The same without those in which a hart goes on with the task that it had.
std::vector<Decision> changes_of_task(const std::vector<Decision>& decisions);

struct Divergence {
  unsigned hart;
  std::size_t place;  // among the hart's changes of task
  std::optional<Decision> before;
  std::optional<Decision> recorded;  // nullopt: none any more
  std::optional<Decision> now;

  /// The first one, in recorded time; nullopt: none. Both are changes_of_task(). What the shorter
  /// one lacks at its end is no divergence: the worlds do not stop at the same moment.
  static std::optional<Divergence> first(const std::vector<Decision>& recorded,
                                         const std::vector<Decision>& now);
};

/// What is told of it, and why: `simulate` does the run once more, with the hook.
std::string explain(const Divergence& divergence, const std::string& by, const char* policy,
                    const std::function<void(Machine::Hook)>& simulate);

}  // namespace async::sim
