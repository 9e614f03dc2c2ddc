#include "arrivals.h"

#include <algorithm>

namespace async::sim {

Arrivals::Arrivals(const Workload& workload, std::uint64_t seed) : workload_(workload) {
  for (std::size_t of = 0; of < workload.classes.size(); ++of) {
    classes_.push_back({.random = Random(seed, ~of)});
  }
}

std::optional<std::uint64_t> Arrivals::next(std::size_t of, std::uint64_t now_ns) {
  const Arrival& arrival = workload_.classes[of].arrival;
  auto& [random, count] = classes_[of];
  std::uint64_t when = now_ns;
  if (arrival.kind == Arrival::Kind::trace) {
    if (count == arrival.times.size()) return std::nullopt;
    when = std::max(now_ns, arrival.times[count]);
  } else if (arrival.kind == Arrival::Kind::open) {
    const bool has_time = count == 0 && arrival.has_first;
    when += has_time ? arrival.first_ns : arrival.between.draw(random);
  } else {
    return std::nullopt;
  }
  ++count;
  if (when >= workload_.duration_ns) return std::nullopt;
  return when;
}

std::vector<std::string> absent_classes(const Workload& workload) {
  std::vector<bool> comes(workload.classes.size());
  std::vector<std::string> names;
  // In the order of the file: a class may fork only classes that come after it.
  for (std::size_t of = 0; of < comes.size(); ++of) {
    const TaskClass& what = workload.classes[of];
    const Arrival& arrival = what.arrival;
    const auto in_time = [&](std::uint64_t ns) { return ns < workload.duration_ns; };
    using Kind = Arrival::Kind;
    comes[of] = comes[of] || arrival.kind == Kind::closed ||
                (arrival.kind == Kind::open && in_time(arrival.first_ns)) ||
                (arrival.kind == Kind::trace && std::ranges::any_of(arrival.times, in_time));
    if (!comes[of]) names.push_back(what.name);
    for (const Step& step : what.steps) {
      if (step.kind == Step::Kind::fork && comes[of]) comes[step.object] = true;
    }
  }
  return names;
}

}  // namespace async::sim
