// Unmapping, and how pages leave the table. No frame gets a new use while a hart still has an old
// translation to it.
#include <algorithm>
#include <array>
#include <span>

#include "memory/address_space.h"

namespace kernel::memory {

using hal::page_aligned;
using hal::page_size;
using hal::page_up;
using hal::PageEntry;

namespace {

// Above this number of pages, one flush of the whole space is cheaper.
constexpr std::size_t max_single_flushes = 8;

}  // namespace

Result<> AddressSpace::unmap(VirtAddr start, std::size_t bytes) {
  const std::size_t length = page_up(bytes);
  if (!page_aligned(start) || length == 0 || !hal::below_end(user_range(), start, length)) {
    return fail(Errno::einval);
  }
  // Only a split needs memory. All other unmappings must succeed without memory.
  Area* const area = areas_.first_after(start);
  const bool splits = area != nullptr && area->start < start && area->end > start + length;
  if (splits && !may_add_areas()) return fail(Errno::enomem);
  unmap_from(area, start, start + length);
  return {};
}

// Unmaps [start, end). `area` is the first one that ends after `start`.
void AddressSpace::unmap_from(Area* area, VirtAddr start, VirtAddr end) {
  if (area == nullptr || area->start >= end) return;
  recent_ = nullptr;
  if (resident_ != 0) remove_pages(start, end);
  note_code_change(area->access);
  if (area->start < start) {
    if (area->end > end) areas_.split(*area, end);
    area->end = start;
    area = area->next;
  }
  while (area != nullptr && area->end <= end) {
    Area* const next = area->next;
    note_code_change(area->access);
    areas_.erase(*area);
    area = next;
  }
  if (area != nullptr && area->start < end) {
    note_code_change(area->access);
    areas_.drop_front(*area, end);
  }
  gaps_below_ = std::max(gaps_below_, end);
}

// Removes the pages of [start, end) from the table and from all TLBs.
void AddressSpace::remove_pages(VirtAddr start, VirtAddr end) {
  if (end - start == page_size) {  // fast path: a page never accessed has no entry
    const PageEntry* slot = table_.find(start);
    if (slot == nullptr || slot->empty()) return;
  }
  if (hal::smp_active() && tag_.is_current_elsewhere()) return remove_pages_in_use(start, end);
  std::size_t removed = 0;
  const bool tables_freed = table_.remove(start, end, [&](VirtAddr va, PageEntry entry) {
    if (++removed <= max_single_flushes) flush_page(va);
    forget_page(entry);
  });
  if (tables_freed || removed > max_single_flushes) flush();
}

// Like remove_pages(), while other harts run in this space. Frees frames only after these harts
// have flushed.
void AddressSpace::remove_pages_in_use(VirtAddr start, VirtAddr end) {
  std::array<PageEntry, 64> taken;
  std::size_t count = 0;
  const auto flush_and_free = [&] {
    flush();
    for (const PageEntry entry : std::span{taken}.first(count)) forget_page(entry);
    count = 0;
  };
  table_.remove(start, end, [&](VirtAddr, PageEntry entry) {
    taken[count++] = entry;
    if (count == taken.size()) flush_and_free();
  });
  flush_and_free();
}

void AddressSpace::give_up(PageEntry entry) {
  if (entry.borrowed()) {
    --borrowed_;
  } else {
    frames.drop(entry.address());
  }
}

void AddressSpace::forget_page(PageEntry entry) {
  give_up(entry);
  --resident_;
}

Result<> AddressSpace::discard(VirtAddr start, std::size_t bytes) {
  const std::size_t length = page_up(bytes);
  if (!page_aligned(start) || length < bytes || start + length < start) return fail(Errno::einval);
  if (!hal::below_end(user_range(), start, length)) return fail(Errno::enomem);
  remove_pages(start, start + length);
  begin_code_anew(start, start + length);
  if (!is_mapped(start, start + length)) return fail(Errno::enomem);
  return {};
}

bool AddressSpace::is_mapped(VirtAddr start, VirtAddr end) const {
  for (const Area* area = areas_.first_after(start);
       area != nullptr && area->start <= start && start < end; area = area->next) {
    start = area->end;
  }
  return start >= end;
}

}  // namespace kernel::memory
