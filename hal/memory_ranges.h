// The RAM that firmware describes, in any order and perhaps more than once.
#pragma once

#include <hal/boot.h>

#include <algorithm>
#include <span>

namespace hal {

/// Sorts the ranges, and joins those that overlap or are adjacent. Returns how many are left, at
/// the beginning; none is empty.
inline std::size_t join_ranges(std::span<MemoryRange> ranges) {
  std::ranges::sort(ranges, {}, [](const MemoryRange& range) { return range.base; });
  std::size_t kept = 0;
  for (const MemoryRange& range : ranges) {
    if (range.size == 0) continue;
    if (kept != 0 && range.base <= ranges[kept - 1].end()) {
      MemoryRange& last = ranges[kept - 1];
      last.size = std::max(last.end(), range.end()) - last.base;
    } else {
      ranges[kept++] = range;
    }
  }
  return kept;
}

}  // namespace hal
