// Arrivals: when the tasks of a workload arrive, class by class. Random times are drawn in the
// order of arrival.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "workload.h"

namespace async::sim {

class Arrivals {
 public:
  /// `workload` must outlive this object.
  Arrivals(const Workload& workload, std::uint64_t seed);

  /// When the next task of the class `of` arrives (ns). Call it when the previous one arrives, at
  /// `now_ns`, and once at time 0. nullopt: no further task arrives, or the class is closed or only
  /// forked.
  std::optional<std::uint64_t> next(std::size_t of, std::uint64_t now_ns);

 private:
  struct Class {
    Random random;
    std::size_t count = 0;  // tasks that have arrived so far
  };
  const Workload& workload_;
  std::vector<Class> classes_;
};

}  // namespace async::sim
