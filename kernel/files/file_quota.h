// The quota of the files in /tmp: they may use at most half of the memory, so that a full /tmp
// leaves enough memory for the programs that empty it.
//
// The quota counts pages of files, and names with their nodes. If several harts run, each of them
// takes some bytes in advance (base/hart_count.h). A hart that finds the quota full in the strand
// takes back what other harts have taken.
//
// These functions run in the strand, or while the caller shares it.
#pragma once

#include <async/strand.h>

#include <cstddef>

#include "base/hart_count.h"
#include "memory/frames.h"

namespace kernel::file_quota {

inline constinit HartCount<16 * 1024> bytes_of_files;

/// has(), if several harts run.
[[nodiscard]] ASYNC_SLOW_PATH inline bool has_smp(std::size_t bytes) {
  const auto fits = [bytes](std::size_t total) { return memory::can_allocate(total + bytes); };
  if (bytes_of_files.prepare(static_cast<std::ptrdiff_t>(bytes), fits)) return true;
  if (!async::Strand::is_held()) return false;
  bytes_of_files.collect();
  return fits(bytes_of_files.total() + bytes);
}

/// Whether `bytes` more fit into the quota. Then the caller may charge them in this step. If not,
/// the caller fails with ENOSPC in the strand. If it shares the strand, it tries again in the
/// strand.
[[nodiscard]] inline bool has(std::size_t bytes) {
  if (async::Strand::smp_active()) [[unlikely]]
    return has_smp(bytes);
  return memory::can_allocate(bytes_of_files.total() + 2 * bytes);
}
inline void charge(std::size_t bytes) {
  bytes_of_files.add(static_cast<std::ptrdiff_t>(bytes));
}
inline void release(std::size_t bytes) {
  bytes_of_files.add(-static_cast<std::ptrdiff_t>(bytes));
}

}  // namespace kernel::file_quota
