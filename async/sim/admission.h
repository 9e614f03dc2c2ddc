// Admission: may a task begin, under a policy that promises deadlines? Its reservation, together
// with those of the tasks that are there, has to fit into the time of the harts on which they may
// run; else it is refused, and the task has to do with what they leave, by its deadline.
//
//   on one hart     all that are bound to it take no more than the whole of it: exact for EDF
//   on m harts      U + (m - 1) U_max <= m, less what is bound to single ones of them; U and U_max
//                   are the sum and the largest share of those that may run on several of these
//                   harts (J. Goossens, S. Funk, S. Baruah: Priority-Driven Scheduling of Periodic
//                   Task Systems on Multiprocessors, Real-Time Systems 2003)
//
// The second is sufficient for one queue for all harts; more may fit than it lets in. What has no
// reservations has to fit, too, but is known by its workload only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/policy/all.h"
#include "workload.h"

namespace async::sim {

/// Whether the policy looks after deadlines, and so after reservations.
bool looks_after_deadlines(const policy::Kind& policy);

/// The classes whose reservations mean nothing under that policy.
std::vector<std::string> unheeded_reservations(const Workload& workload,
                                               const policy::Kind& policy);

class Admission {
 public:
  explicit Admission(unsigned harts) : harts_(harts) {}

  /// One more of that class; false: it does not fit. What has no reservation fits.
  bool admit(const TaskClass& what);
  /// One that was admitted has ended.
  void release(const TaskClass& what);

 private:
  struct Admitted {
    HartMask harts;
    std::uint64_t share;  // of a hart's time, in millionths, rounded up
    bool operator==(const Admitted&) const = default;
  };
  Admitted of(const TaskClass& what) const;
  bool fits_on(HartMask harts) const;

  unsigned harts_;
  std::vector<Admitted> admitted_;
};

/// What the classes with deadlines that come again and again ask of some harts, in the mean.
struct Demand {
  HartMask harts;
  double busy;  // so many of them
};
/// … where it is more than there are; of the fewest harts. Null: nowhere.
std::optional<Demand> too_high_demand(const Workload& workload, unsigned harts);

}  // namespace async::sim
