// Where a recorded schedule and the simulator's of the same workload part, and why. Of the
// simulator's own recordings everything is compared. Another world's times, those of the kernel or
// the hosted machine, are never the same: there it is the order in which each hart goes from task
// to task.
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
  std::size_t place;  // among those that are compared
  std::optional<Decision> before;
  std::optional<Decision> recorded;  // nullopt: none any more
  std::optional<Decision> now;
  bool is_timed = false;  // both worlds have one clock

  /// The first decision that is another one, or at another time; nullopt: none.
  static std::optional<Divergence> of_all(const std::vector<Decision>& recorded,
                                          const std::vector<Decision>& now);
  /// The first one of a hart's, in recorded time; nullopt: none. Both are changes_of_task(). What
  /// the shorter one lacks at its end is no divergence: the worlds do not stop at the same moment.
  static std::optional<Divergence> of_harts(const std::vector<Decision>& recorded,
                                            const std::vector<Decision>& now);
};

/// How the two are called: "in the kernel" and "in the simulator".
struct Worlds {
  std::string recorded;
  std::string now;
};

/// What is told of it, and why: `simulate` does the run once more, with the hook.
std::string explain(const Divergence& divergence, const Worlds& worlds, const char* policy,
                    const std::function<void(Machine::Hook)>& simulate);

}  // namespace async::sim
