#include "admission.h"

#include <algorithm>
#include <set>

namespace async::sim {
namespace {

constexpr std::uint64_t whole = 1'000'000;

std::uint64_t share_of(const TaskClass& what) {
  if (what.budget_ns == 0 || what.period_ns == 0) return 0;
  const auto budget = static_cast<unsigned __int128>(what.budget_ns) * whole;
  return static_cast<std::uint64_t>((budget + what.period_ns - 1) / what.period_ns);
}

/// The mean computing time of a task in nanoseconds, without the tasks that it forks.
double mean_run(const TaskClass& what) {
  double run = 0;
  std::vector<double> times = {1};
  for (const Step& step : what.steps) {
    if (step.kind == Step::Kind::run) run += times.back() * step.time.mean();
    if (step.kind == Step::Kind::repeat) times.push_back(times.back() * step.count);
    if (step.kind == Step::Kind::end) times.pop_back();
  }
  return run;
}

}  // namespace

bool uses_deadlines(const policy::Kind& policy) {
  return (policy.promises & promise_deadlines) != 0;
}

std::vector<std::string> unheeded_reservations(const Workload& workload,
                                               const policy::Kind& policy) {
  std::vector<std::string> names;
  for (const TaskClass& what : workload.classes) {
    if (what.budget_ns != 0 && !uses_deadlines(policy)) names.push_back(what.name);
  }
  return names;
}

Admission::Admitted Admission::of(const TaskClass& what) const {
  return {what.harts & harts_below(harts_), share_of(what)};
}

bool Admission::admit(const TaskClass& what) {
  const Admitted one = of(what);
  if (one.share == 0) return true;
  admitted_.push_back(one);
  bool fits = true;
  for (const Admitted& each : admitted_) {
    fits = fits && ((each.harts & one.harts) == 0 || fits_on(each.harts));
  }
  if (!fits) admitted_.pop_back();
  return fits;
}

bool Admission::fits_on(HartMask harts) const {
  const auto count = std::uint64_t{count_harts(harts)};
  std::uint64_t bound = 0, sum = 0, largest = 0;
  for (const Admitted& each : admitted_) {
    if ((each.harts & harts) == 0) continue;
    if (is_one_hart(each.harts)) {
      bound += each.share;
    } else {
      sum += each.share;
      largest = std::max(largest, each.share);
    }
  }
  if (count == 1) return bound <= whole;
  return sum + (count - 1) * largest + bound <= count * whole;
}

void Admission::release(const TaskClass& what) {
  const auto found = std::ranges::find(admitted_, of(what));
  if (found != admitted_.end()) admitted_.erase(found);
}

namespace {

/// All unions of the sets of harts that classes with deadlines may use, at most some thousand. If
/// the demand on some set of harts is too high, it is too high on the union of those sets that lie
/// in it.
std::set<HartMask> unions_of_harts(const Workload& workload, HartMask all) {
  constexpr std::size_t most = 4'096;
  std::set<HartMask> found;
  for (const TaskClass& what : workload.classes) {
    if (what.deadline_ns == 0 || found.size() > most) continue;
    std::set<HartMask> with{what.harts & all};
    for (const HartMask& other : found) with.insert((what.harts & all) | other);
    found.merge(with);
  }
  return found;
}

}  // namespace

std::optional<Demand> too_high_demand(const Workload& workload, unsigned harts) {
  const HartMask all = harts_below(harts);
  std::optional<Demand> found;
  for (const HartMask& some : unions_of_harts(workload, all)) {
    double busy = 0;
    for (const TaskClass& what : workload.classes) {
      if (what.deadline_ns == 0 || what.arrival.kind != Arrival::Kind::open) continue;
      if ((what.harts & all & ~some) != 0) continue;  // may also use other harts
      busy += mean_run(what) / what.arrival.between.mean();
    }
    const unsigned count = count_harts(some);
    if (busy <= count || (found && count_harts(found->harts) <= count)) continue;
    found = {some, busy};
  }
  return found;
}

}  // namespace async::sim
