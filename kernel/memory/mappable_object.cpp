#include "memory/mappable_object.h"

#include <async/task.h>

#include <algorithm>

#include "memory/address_space.h"

namespace kernel::memory {

async::Task<Result<>> MappableObject::sync(std::uint64_t, std::uint64_t) {
  co_return Result<>{};
}

Result<> MappableObject::may_map(std::size_t) const {
  return {};
}

void TrackedObject::unmap_pages(std::size_t first, std::size_t end, Copies copies) {
  async::Strand::check_access();
  if (copies == Copies::keep) end = std::min(end, count());  // none of its pages are behind that
  FrameChain gone;                                           // freed at the end
  for (AreaMapping& mapping : areas_) {
    const Area& area = mapping.area;
    const std::size_t area_first = area.backing.first_page;
    const std::size_t area_end = area_first + area.bytes() / hal::page_size;
    const std::size_t from = std::max(first, area_first), to = std::min(end, area_end);
    if (from >= to) continue;
    const VirtAddr start = area.start + (from - area_first) * hal::page_size;
    mapping.space.remove_object_pages(area, start, start + (to - from) * hal::page_size,
                                      copies == Copies::drop, gone);
  }
  for (AreaMapping& mapping : areas_) mapping.space.flush_removed();
}

bool TrackedObject::has_writable_area() {
  async::Strand::check_access();
  for (const AreaMapping& mapping : areas_) {
    const Backing& backing = mapping.area.backing;
    if (backing.is_shared() && !backing.is_read_only) return true;
  }
  return false;
}

}  // namespace kernel::memory
