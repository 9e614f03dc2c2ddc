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

}  // namespace async::sim
