// The quota of the files in /tmp: they may use at most half of the memory, so that a full /tmp
// leaves enough memory for the programs that empty it.
//
// The quota counts pages of files, and names with their nodes. All functions run in the strand.
#pragma once

#include <cstddef>

#include "memory/frames.h"

namespace kernel::file_quota {

inline std::size_t taken_bytes = 0;

/// Whether `bytes` more fit into the quota. If not, the caller fails with ENOSPC.
[[nodiscard]] inline bool has(std::size_t bytes) {
  return memory::can_allocate(taken_bytes + 2 * bytes);
}
inline void charge(std::size_t bytes) {
  taken_bytes += bytes;
}
inline void release(std::size_t bytes) {
  taken_bytes -= bytes;
}

}  // namespace kernel::file_quota
