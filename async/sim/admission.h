// Admission: whether a task may begin with its reservation, under a policy that promises deadlines.
// The reservation must fit, with those of the tasks already admitted, into the time of the harts on
// which they may run. A refused task runs without a reservation, as an ordinary EDF task.
//
//   on one hart     the shares of all tasks bound to it are at most 1 in all: exact for EDF
//   on m harts      U + (m - 1) U_max + B <= m. U and U_max are the sum and the largest share of
//                   tasks that may run on several of these harts. B is the sum of the shares of
//                   tasks bound to one of them (J. Goossens, S. Funk, S. Baruah: Priority-Driven
//                   Scheduling of Periodic Task Systems on Multiprocessors, Real-Time Systems 2003)
//
// The second test is sufficient for one queue for all harts, but not necessary: it may refuse sets
// that fit. Work without reservations needs time, too; too_high_demand() computes it from the
// workload.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/policy/kinds.h"
#include "workload.h"

namespace async::sim {

/// Whether the policy promises deadlines, and so serves reservations.
bool uses_deadlines(const policy::Kind& policy);

/// The names of the classes whose reservations the policy ignores.
std::vector<std::string> unheeded_reservations(const Workload& workload,
                                               const policy::Kind& policy);

class Admission {
 public:
  explicit Admission(unsigned harts) : harts_(harts) {}

  /// Admits one more task of the class; false: it does not fit. A task without a reservation always
  /// fits.
  bool admit(const TaskClass& what);
  /// Removes an admitted task, which has ended.
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

/// The mean demand on a set of harts by the classes that have deadlines and open arrivals
/// (workload.h) and that can run on no other hart.
struct Demand {
  HartMask harts;
  double busy;  // how many harts the demand keeps busy
};
/// The demand that is too high for its set of harts, for the smallest such set; nullopt: none is.
std::optional<Demand> too_high_demand(const Workload& workload, unsigned harts);

}  // namespace async::sim
