// When the tasks of a workload come, class by class: what chance has to say of that, drawn in the
// order in which they come.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "workload.h"

namespace async::sim {

class Arrivals {
 public:
  /// `workload` outlives it.
  Arrivals(const Workload& workload, std::uint64_t seed);

  /// When the next task of the class `of` comes, the one before having come now (at the beginning:
  /// 0); nullopt: none does any more, or they do not come by themselves, one after another.
  std::optional<std::uint64_t> next(std::size_t of, std::uint64_t now_ns);

 private:
  struct Class {
    Random random;
    std::size_t count = 0;  // that have come
  };
  const Workload& workload_;
  std::vector<Class> classes_;
};

}  // namespace async::sim
