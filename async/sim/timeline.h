// Timeline: which task ran on which hart, from the beginning of a run, for a picture.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "machine.h"

namespace async::sim {

class Timeline {
 public:
  /// Keeps the first `most` slices and drops the others.
  explicit Timeline(std::size_t most) : most_(most) {}

  /// Call from a machine's hook.
  void observe(TraceEvent event, const Job& job);
  /// {"classes":[name…],"slices":[[hart,begin,length,class,task]…]}, in nanoseconds.
  std::string to_json() const;

 private:
  struct Slice {
    unsigned hart;
    std::uint64_t begin_ns;
    std::uint64_t length_ns;
    std::size_t of;  // the class
    std::uint64_t task;
  };
  std::size_t class_of(const Job& job);

  std::size_t most_;
  std::array<std::uint64_t, platform::max_harts> began_ns_{};
  std::vector<std::string> classes_;
  std::vector<Slice> slices_;
};

}  // namespace async::sim
