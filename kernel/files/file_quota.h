// The quota of the files in /tmp: they may use at most half of the memory, so that a full /tmp
// leaves enough memory for the programs that empty it.
//
// The quota counts pages of files, and names with their nodes. If several harts run, each hart has
// some spare bytes that are already taken from the quota. So harts that make and remove names at
// the same time write no common data. A hart that finds the quota full in the strand takes the
// spare bytes of all harts back.
//
// These functions run in the strand, or while the caller shares it.
#pragma once

#include <async/strand.h>

#include <atomic>
#include <cstddef>

#include "memory/frames.h"

namespace kernel::file_quota {

/// The bytes of all files and the spare bytes of all harts.
inline constinit std::atomic<std::size_t> taken_bytes = 0;
inline std::size_t taken() {
  return taken_bytes.load(std::memory_order_relaxed);
}

[[nodiscard]] ASYNC_SLOW_PATH bool has_smp(std::size_t bytes);
ASYNC_SLOW_PATH void charge_smp(std::size_t bytes);
ASYNC_SLOW_PATH void release_smp(std::size_t bytes);

/// Whether `bytes` more fit into the quota. Then the caller may charge them in this step. If not,
/// the caller fails with ENOSPC in the strand. If it shares the strand, it tries again in the
/// strand.
[[nodiscard]] inline bool has(std::size_t bytes) {
  if (async::Strand::smp_active()) [[unlikely]]
    return has_smp(bytes);
  return memory::can_allocate(taken() + 2 * bytes);
}
inline void charge(std::size_t bytes) {
  if (async::Strand::smp_active()) [[unlikely]]
    return charge_smp(bytes);
  taken_bytes.store(taken() + bytes, std::memory_order_relaxed);
}
inline void release(std::size_t bytes) {
  if (async::Strand::smp_active()) [[unlikely]]
    return release_smp(bytes);
  taken_bytes.store(taken() - bytes, std::memory_order_relaxed);
}

}  // namespace kernel::file_quota
