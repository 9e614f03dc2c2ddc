// The frames of page tables and kernel stacks. The layer above hal/ supplies them.
#pragma once

#include <hal/memory_map.h>

#include <cstddef>
#include <cstdint>

namespace hal {

/// The functions that page tables call. The kernel's frame allocator defines them, and so do tests.
namespace table_frames {

/// Which entries of one table are used, so that walks can skip the others. `used` counts them. Bit
/// n of `groups` is set once one of the entries 16n … 16n+15 has been used.
struct Note {
  std::uint32_t groups;
  std::uint32_t used;
};

/// Allocates a zeroed page for a table, and zeroes its Note. Returns 0 if there is no memory.
PhysAddr allocate();
/// Frees a page of which all entries are zero again.
void release(PhysAddr table);
Note& note(PhysAddr table);

/// Allocates adjacent zeroed frames, which are never freed. Returns 0 if there is no memory. Only
/// machines without translation call it: their kernel stacks need adjacent frames.
PhysAddr allocate_run(std::size_t frames);

}  // namespace table_frames

}  // namespace hal
