// The numbers of pieces of work with a deadline, by the class that the caller of hint_work passes
// (abi/numbers.h). Runnable counts them under every policy. Read and write them in the strand.
#pragma once

#include <abi/numbers.h>

#include <array>
#include <cstdint>

namespace kernel {

struct WorkCount {
  std::uint64_t ended = 0;
  std::uint64_t missed = 0;  ///< of `ended`: after the deadline
};

inline constinit std::array<WorkCount, abi::work_classes> work_counts{};

}  // namespace kernel
