// Divergence: where a recorded schedule and the simulator's schedule of the same workload first
// differ, and why. Of the simulator's own recordings everything is compared. The times of a run in
// the kernel or on the hosted machine are never the simulator's. So of their recordings only the
// order of tasks on each hart is compared.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "record.h"

namespace async::sim {

/// Like recorder(), but without a decision whose task is preempted at the instant of the decision.
/// Other worlds make no such decision, because they handle all events of an instant in one
/// interrupt.
Machine::Hook recorder_of_runs(std::vector<Decision>& decisions);

/// The decisions by which a hart switches to another task than its last one.
std::vector<Decision> changes_of_task(const std::vector<Decision>& decisions);

struct Divergence {
  std::size_t place;  // index among the compared decisions
  std::optional<Decision> before;
  std::optional<Decision> recorded;  // nullopt: the recording has ended
  std::optional<Decision> now;
  bool is_timed = false;  // times are comparable

  /// The first decision whose task, hart, class or time differs; nullopt: no decision differs.
  static std::optional<Divergence> of_all(const std::vector<Decision>& recorded,
                                          const std::vector<Decision>& now);
  /// The first difference in the order of tasks on a hart, by recorded time; nullopt: none. Both
  /// arguments come from changes_of_task(). A missing end is no divergence, because the worlds do
  /// not stop at the same moment.
  static std::optional<Divergence> of_harts(const std::vector<Decision>& recorded,
                                            const std::vector<Decision>& now);
};

/// How reports name the two worlds: "in the kernel" and "in the simulator".
struct Worlds {
  std::string recorded;
  std::string now;
};

/// A report of the divergence and its reason. `simulate` must repeat the run with the given hook.
std::string explain(const Divergence& divergence, const Worlds& worlds, const char* policy,
                    const std::function<void(Machine::Hook)>& simulate);

}  // namespace async::sim
