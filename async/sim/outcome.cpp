// The statistics of samples and outcomes.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "run.h"

namespace async::sim {

double Sample::mean() const {
  if (values_.empty()) return 0;
  return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
}

std::uint64_t Sample::percentile(double share) const {
  if (values_.empty()) return 0;
  if (!std::exchange(sorted_, true) || !std::ranges::is_sorted(values_)) std::ranges::sort(values_);
  const double rank = std::ceil(share * static_cast<double>(values_.size()));
  return values_[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

std::map<unsigned, std::uint64_t> Sample::buckets() const {
  std::map<unsigned, std::uint64_t> buckets;
  for (const std::uint64_t value : values_) {
    const double logarithm = std::log2(static_cast<double>(std::max<std::uint64_t>(value, 1)));
    ++buckets[static_cast<unsigned>(logarithm * 4)];
  }
  return buckets;
}

double Outcome::utilisation() const {
  const auto busy = std::accumulate(counts.busy_ns.begin(), counts.busy_ns.end(), 0.0);
  return duration_ns == 0 ? 0 : busy / (static_cast<double>(duration_ns) * harts);
}

std::string Outcome::what_is_wrong() const {
  std::string wrong;
  for (const std::string& finding : findings) wrong += finding;
  if (wrong.empty() && !stuck.empty()) wrong = "tasks wait for ever:\n" + stuck;
  if (!wrong.empty()) return wrong;
  for (const ClassOutcome& made : classes) {
    if (made.missed != 0) {
      return made.name + " misses " + std::to_string(made.missed) +
             (made.missed == 1 ? " deadline\n" : " deadlines\n");
    }
  }
  return "";
}

double jain(const std::vector<double>& values) {
  double sum = 0;
  double squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  if (squares == 0) return 1;
  return sum * sum / (static_cast<double>(values.size()) * squares);
}

}  // namespace async::sim
