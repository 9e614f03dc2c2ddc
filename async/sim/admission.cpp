#include "admission.h"

namespace async::sim {
namespace {

constexpr std::uint64_t whole = 1'000'000;

std::uint64_t share_of(const TaskClass& what) {
  if (what.budget_ns == 0 || what.period_ns == 0) return 0;
  const auto budget = static_cast<unsigned __int128>(what.budget_ns) * whole;
  return static_cast<std::uint64_t>((budget + what.period_ns - 1) / what.period_ns);
}

/// In nanoseconds; of a task that forks, its own alone.
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

bool looks_after_deadlines(const policy::Kind& policy) {
  return (policy.promises & promise_deadlines) != 0;
}

std::vector<std::string> unheeded_reservations(const Workload& workload,
                                               const policy::Kind& policy) {
  std::vector<std::string> names;
  for (const TaskClass& what : workload.classes) {
    if (what.budget_ns != 0 && !looks_after_deadlines(policy)) names.push_back(what.name);
  }
  return names;
}

bool Admission::admit(const TaskClass& what) {
  const std::uint64_t share = share_of(what);
  if (share > harts_ * whole - used_) return false;
  used_ += share;
  return true;
}

void Admission::release(const TaskClass& what) {
  used_ -= share_of(what);
}

double demand_with_deadlines(const Workload& workload) {
  double demand = 0;
  for (const TaskClass& what : workload.classes) {
    if (what.deadline_ns == 0 || what.arrival.kind != Arrival::Kind::open) continue;
    demand += mean_run(what) / what.arrival.between.mean();
  }
  return demand;
}

}  // namespace async::sim
