// Mapping, unmapping, rights, the heap, and fork. Page faults are in faults.cpp.
#include "memory/address_space.h"

#include <async/retired.h>
#include <async/strand.h>

#include <algorithm>
#include <array>
#include <span>

#include "memory/frame_chain.h"
#include "memory/retired_frames.h"

namespace kernel::memory {

using hal::page_aligned;
using hal::page_down;
using hal::page_size;
using hal::page_up;
using hal::PageEntry;

namespace {

// The most memory that a change of the areas allocates. An unmap in the middle of an area splits
// it, and a map adds one.
constexpr std::size_t area_reserve = 4 * (sizeof(Area) + sizeof(AreaMapping));

// Linux's default limit (vm.max_map_count).
constexpr std::size_t max_areas = 65'530;

// Above this number of pages, one flush of the whole space is cheaper.
constexpr std::size_t max_single_flushes = 8;

// As in Linux, write access implies read access.
Access usable(Access access) {
  return allows(access, Access::write) ? access | Access::read : access;
}

// The number of entries that are copied or dropped at once if all are borrowed. A program's code
// and constants are borrowed pages, in long runs.
constexpr std::size_t block = 8;

// Whether all entries of a block are.
[[gnu::always_inline]] inline bool are_borrowed(const PageEntry* entries) {
  bool all = true;
#pragma clang loop unroll(full)
  for (std::size_t i = 0; i != block; ++i) all = all & entries[i].borrowed();
  return all;
}

// Copies the entries of `ours`, private pages, to `theirs` and makes both read-only. Adds the
// number of borrowed pages to `borrowed`. Calls `share` for the frame of each other page. Returns
// the number of all pages.
template <class Share>
[[gnu::always_inline]] inline std::size_t share_pages(std::span<PageEntry> ours, PageEntry* theirs,
                                                      std::size_t& borrowed, Share share) {
  std::size_t copied = 0;
  const auto share_each = [&](std::span<PageEntry> entries, PageEntry* to) {
    for (std::size_t i = 0; i != entries.size(); ++i) {
      const PageEntry shared = entries[i].read_only();
      if (shared.empty()) continue;
      hal::set_relaxed(entries[i], shared);
      to[i] = shared;
      ++copied;
      if (shared.borrowed()) [[unlikely]] {
        ++borrowed;
      } else {
        share(shared.address());
      }
    }
  };
  std::size_t done = 0;
  for (; ours.size() - done >= block; done += block) {
    const std::span entries = ours.subspan(done, block);
    if (!entries.front().borrowed() || !are_borrowed(entries.data())) {
      share_each(entries, theirs + done);
      continue;
    }
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i != block; ++i) theirs[done + i] = entries[i];  // none is writable
    copied += block;
    borrowed += block;
  }
  share_each(ours.subspan(done), theirs + done);
  return copied;
}
[[gnu::noinline]] std::size_t share_pages_smp(std::span<PageEntry> ours, PageEntry* theirs,
                                              std::size_t& borrowed) {
  const FrameReferences references;
  return share_pages(ours, theirs, borrowed, [&](PhysAddr frame) { references.share_smp(frame); });
}
[[gnu::always_inline]] inline std::size_t share_pages(std::span<PageEntry> ours, PageEntry* theirs,
                                                      std::size_t& borrowed) {
  if (async::Strand::smp_active()) [[unlikely]]
    return share_pages_smp(ours, theirs, borrowed);
  const FrameReferences references;
  return share_pages(ours, theirs, borrowed, [&](PhysAddr frame) { references.share(frame); });
}

}  // namespace

// ── Creation and fork ────────────────────────────────────────────────────────────────────────────

Result<Ref<AddressSpace>> AddressSpace::create() {
  if (!can_allocate(sizeof(AddressSpace))) return fail(Errno::enomem);
  auto table = hal::PageTable::create();
  if (!table) return fail(Errno::enomem);
  return Ref<AddressSpace>::adopt(new AddressSpace(std::move(*table)));
}

void AddressSpace::destroy(const AddressSpace* space) {
  if (async::Strand::is_held()) {
    delete space;
  } else if ((space->may_miss_pages_ & needs_page_ins) == 0 && !space->has_shared_areas_) {
    async::Retired::add(const_cast<AddressSpace*>(space));
  } else {  // the destructor may be the end of a MemoryObject
    async::Retired::add_for_strand(const_cast<AddressSpace*>(space), false);
  }
}

AddressSpace::~AddressSpace() {
  table_.remove_runs(user_range().begin(), user_range().end(),
                     [this](VirtAddr, std::span<PageEntry> run) { return forget_pages(run); });
}

Result<Ref<AddressSpace>> AddressSpace::fork() {
  auto child = begin_fork();
  if (!child) return child;
  if (auto copied = copy_pages(**child, user_range().begin(), user_range().end()); !copied)
    return fail(copied.error());
  return child;
}

Result<Ref<AddressSpace>> AddressSpace::begin_fork() {
  constexpr std::size_t each = sizeof(Area) + sizeof(AreaMapping);
  if (!can_allocate(sizeof(AddressSpace) + areas_.size() * each)) return fail(Errno::enomem);
  auto created = create();
  if (!created) return created;
  AddressSpace& child = **created;
  child.break_start_ = break_start_;
  child.break_ = break_;
  child.may_miss_pages_ = may_miss_pages_ & needs_page_ins;
  child.has_shared_areas_ = has_shared_areas_;
  child.barriers_ = barriers_;
  child.areas_.copy(areas_);
  if (has_tracked_areas()) [[unlikely]]
    child.areas_.track_all();
  return created;
}

// Walks the pages and the areas in parallel. The child faults its shared pages in by itself.
Result<> AddressSpace::copy_pages(AddressSpace& child, VirtAddr start, VirtAddr end) {
  check_access();
  const Area* area = areas_.first_after(start);
  std::size_t copied = 0;
  std::size_t borrowed = 0;
  const auto copy = [&](VirtAddr va, std::span<PageEntry> run, PageEntry* target) {
    const VirtAddr run_end = va + run.size() * page_size;
    std::size_t copied_of_run = 0;
    for (; area != nullptr && area->start < run_end; area = area->next) {
      const VirtAddr from = std::max(va, area->start);
      const VirtAddr to = std::min(run_end, area->end);
      if (from < to && !area->backing.is_shared()) {
        const std::size_t first = (from - va) / page_size;
        copied_of_run +=
            share_pages(run.subspan(first, (to - from) / page_size), target + first, borrowed);
      }
      if (area->end > run_end) break;
    }
    copied += copied_of_run;
    return copied_of_run;
  };
  const bool complete = table_.copy_runs(child.table_, start, end, copy);
  child.resident_ += copied;
  child.borrowed_ += borrowed;
  if (copied != 0) flush(start, end);
  if (!complete) return fail(Errno::enomem);
  return {};
}

// ── Mapping ──────────────────────────────────────────────────────────────────────────────────────

// Call before any change that may split or add an area.
bool AddressSpace::may_add_areas() const {
  return areas_.size() < max_areas && can_allocate(area_reserve);
}

Result<> AddressSpace::may_map(const MapRequest& request) const {
  const std::size_t bytes = page_up(request.bytes);
  if (bytes == 0 || bytes > hal::user_end)
    return fail(request.bytes == 0 ? Errno::einval : Errno::enomem);
  // A private writable mapping larger than the machine's RAM cannot be filled.
  if (!request.backing.is_shared() && allows(request.access, Access::write) &&
      bytes / page_size > frames.total_count()) {
    return fail(Errno::enomem);
  }
  if (!may_add_areas() || is_too_much(request, bytes)) return fail(Errno::enomem);
  return {};
}

Result<VirtAddr> AddressSpace::map(MapRequest request) {
  if (const auto possible = may_map(request); !possible) return fail(possible.error());
  const std::size_t bytes = page_up(request.bytes);
  check_access();
  check_turn();
  const auto gap = choose_place(request, bytes);
  if (!gap) return fail(gap.error());
  recent_ = nullptr;
  code_generation_.count(request.access);
  if (request.backing.object) [[unlikely]]
    return map_object(std::move(request), *gap);
  areas_.insert(gap->before, gap->start, gap->start + bytes, usable(request.access),
                std::move(request.backing), request.code);
  if constexpr (!hal::translates_addresses) {
    fill_pages(gap->start, gap->start + bytes);
    if (code_written_) synchronize_code();  // the first fetch may not fault
  }
  return gap->start;
}

// The end of map() for an area with a MemoryObject.
[[gnu::cold, gnu::noinline]] VirtAddr AddressSpace::map_object(MapRequest&& request, Gap gap) {
  const Backing& backing = request.backing;
  const bool is_tracked = backing.has_pages() && backing.pages().as_tracked() != nullptr;
  if (backing.is_read_first()) may_miss_pages_ |= needs_page_ins;
  if (backing.has_pages()) has_shared_areas_ = true;
  areas_.insert(gap.before, gap.start, gap.start + page_up(request.bytes), usable(request.access),
                std::move(request.backing), request.code);
  if (is_tracked) areas_.track(*areas_.find(gap.start));
  return gap.start;
}

// The mapped bytes of [start, end).
std::size_t AddressSpace::mapped_bytes(VirtAddr start, VirtAddr end) const {
  std::size_t bytes = 0;
  for (const Area* area = areas_.first_after(start); area != nullptr && area->start < end;
       area = area->next) {
    bytes += std::min(area->end, end) - std::max(area->start, start);
  }
  return bytes;
}

bool AddressSpace::is_too_much(const MapRequest& request, std::size_t bytes) const {
  if (request.most_bytes >= hal::user_end) return false;
  std::size_t others = areas_.bytes();
  if (request.place == MapRequest::Place::exactly &&
      hal::lies_in(user_range(), request.address, bytes)) {
    others -= mapped_bytes(request.address, request.address + bytes);
  }
  return others + bytes > request.most_bytes;
}

Result<AddressSpace::Gap> AddressSpace::choose_place(const MapRequest& request, std::size_t bytes) {
  if constexpr (!hal::translates_addresses) return take_frames(request, bytes);
  using enum MapRequest::Place;
  VirtAddr start = request.address;
  if (request.place == anywhere) {
    start = page_down(start);
    if (start == 0 || !hal::lies_in(user_range(), start, bytes)) return find_gap(bytes);
  } else {
    if (!page_aligned(start)) return fail(Errno::einval);
    if (!hal::lies_in(user_range(), start, bytes)) return fail(Errno::enomem);
  }
  Area* const before = areas_.at_or_before(start + bytes - 1);
  if (before == nullptr || before->end <= start) return Gap{start, before};  // the range is free
  switch (request.place) {
    case anywhere: return find_gap(bytes);
    case if_free: return fail(Errno::eexist);
    case exactly: break;
  }
  unmap_from(areas_.first_after(start), start, start + bytes);
  return Gap{start, areas_.at_or_before(start)};
}

// The highest gap with room for `bytes`.
Result<AddressSpace::Gap> AddressSpace::find_gap(std::size_t bytes) {
  Area* const last = areas_.last();
  const VirtAddr end = user_range().end();
  if (end - (last != nullptr ? last->end : user_range().begin()) >= bytes) {
    return Gap{end - bytes, last};
  }
  const Area* const above = areas_.above_gap(bytes);
  if (above == nullptr) return fail(Errno::enomem);
  return Gap{above->start - bytes, above->previous};
}

Result<> AddressSpace::protect(VirtAddr start, std::size_t bytes, Access access) {
  if (!page_aligned(start)) return fail(Errno::einval);
  const std::size_t length = page_up(bytes);
  if (length < bytes || !hal::lies_in(user_range(), start, length)) return fail(Errno::enomem);
  if (!may_add_areas()) return fail(Errno::enomem);
  check_access();
  check_turn();
  access = usable(access);
  recent_ = nullptr;

  const VirtAddr end = start + length;
  VirtAddr at = start;  // [start, at) has its new rights
  Area* area = areas_.first_after(start);
  bool refused = false, has_pages = false;
  while (at < end && area != nullptr && area->start <= at) {
    refused = area->backing.is_read_only && allows(access, Access::write);
    if (refused) break;
    if (area->start < at) area = &areas_.split(*area, at);
    if (area->end > end) areas_.split(*area, end);
    at = area->end;
    if (area->access != access) {
      code_generation_.count(area->access | access);
      area->access = access;
      if (allows(access, Access::write)) area->code.may_differ();
      const Access rights = area->rights_in_table();
      // Without translation no two pages have one frame.
      const bool shared = (area->backing.is_shared() && !area->backing.pages().tracks_writes()) ||
                          !hal::translates_addresses;
      table_.for_each(area->start, area->end, [&](VirtAddr, PageEntry& entry) {
        // A private page that was not writable may be shared with another table. The next write
        // fault decides whether to copy it.
        const bool may_write = shared || entry.allows(Access::write);
        has_pages = true;
        hal::set(entry, entry.with(may_write ? rights : without(rights, Access::write)));
      });
      if (allows(access, Access::execute)) code_written_ = true;
    }
    if (area->previous != nullptr && areas_.merge_with_next(*area->previous)) {
      area = areas_.find(at - 1);
    }
    area = area->next;
  }
  if (area != nullptr && area->previous != nullptr) areas_.merge_with_next(*area->previous);
  if (has_pages) {
    if (length == page_size) {
      flush_page(start);
    } else {
      flush(start, end);
    }
  }
  if (at < end) return fail(refused ? Errno::eacces : Errno::enomem);
  return {};
}

// ── Unmapping ────────────────────────────────────────────────────────────────────────────────────
// Frames get no new use while a hart still has an old translation to them.

Result<> AddressSpace::unmap(VirtAddr start, std::size_t bytes) {
  const std::size_t length = page_up(bytes);
  if (!page_aligned(start) || length == 0 || !hal::below_end(user_range(), start, length)) {
    return fail(Errno::einval);
  }
  // Only a split needs memory. All other unmappings must succeed without memory.
  Area* const area = areas_.first_after(start);
  const bool splits = area != nullptr && area->start < start && area->end > start + length;
  if (splits) [[unlikely]]
    return unmap_middle(area, start, start + length);
  unmap_from(area, start, start + length);
  return {};
}

[[gnu::noinline]] Result<> AddressSpace::unmap_middle(Area* area, VirtAddr start, VirtAddr end) {
  if (!may_add_areas()) return fail(Errno::enomem);
  unmap_from(area, start, end);
  return {};
}

// Unmaps [start, end). `area` is the first one that ends after `start`.
void AddressSpace::unmap_from(Area* area, VirtAddr start, VirtAddr end) {
  if (area == nullptr || area->start >= end) return;
  check_access();
  check_turn();
  recent_ = nullptr;
  if (resident_ != 0) remove_pages(start, end);
  code_generation_.count(area->access);
  if (area->start < start) {
    if (area->end > end) areas_.split(*area, end);
    areas_.drop_back(*area, start);
    area = area->next;
  }
  while (area != nullptr && area->end <= end) {
    Area* const next = area->next;
    code_generation_.count(area->access);
    areas_.erase(*area);
    area = next;
  }
  if (area != nullptr && area->start < end) {
    code_generation_.count(area->access);
    areas_.drop_front(*area, end);
  }
}

// kernel_tlb_ is empty: several harts run before the first program does.
void AddressSpace::flush_page_smp(VirtAddr va) {
  hart_tlbs_.forget(va, va + page_size);
  tag_.flush_page(va);
}

void AddressSpace::flush_smp(VirtAddr start, VirtAddr end) {
  hart_tlbs_.forget(start, end);
  tag_.flush();
}

// Removes the pages of [start, end) from the table and from all TLBs.
void AddressSpace::remove_pages(VirtAddr start, VirtAddr end) {
  check_access();
  if (end - start == page_size) {  // fast path: a page never accessed has no entry
    const PageEntry* slot = table_.find(start);
    if (slot == nullptr || slot->empty()) return;
  } else if (end - start > hal::PageTable::table_bytes && !table_.has_used(start, end)) {
    return;  // for example the rest of a stack, which a thread discards at its end
  }
  if (hal::smp_active() && (is_locked_by_sharer() || tag_.is_current_elsewhere()))
    return remove_pages_in_use(start, end);
  std::array<VirtAddr, max_single_flushes> pages;  // the first `known` pages that had an entry
  std::size_t known = 0;
  std::size_t removed = 0;
  const auto forget = [&](VirtAddr va, std::span<PageEntry> run) {
    const std::size_t before = known;
    for (std::size_t i = 0; i != run.size() && known != pages.size(); ++i) {
      if (!run[i].empty()) pages[known++] = va + i * page_size;
    }
    if (known == before && known != pages.size()) return std::size_t{0};  // all are empty
    const std::size_t forgotten = forget_pages(run);
    removed += forgotten;
    return forgotten;
  };
  const bool tables_freed = table_.remove_runs(start, end, forget);
  if (tables_freed || removed > max_single_flushes) return flush(start, end);
  for (const VirtAddr page : std::span{pages}.first(known)) flush_page(page);
}

// Like remove_pages(), if another hart may have the space in its TLB. Frees frames only after all
// these harts have flushed.
//
// A hart may still walk a page table that this function has removed. So the function empties the
// table first. If the caller shares the strand with other users of the space, the function retires
// the table. In the strand no other hart can allocate the table before the flush. If the caller's
// thread is the only user, no other hart runs a program in the space until it flushes.
void AddressSpace::remove_pages_in_use(VirtAddr start, VirtAddr end) {
  FrameChain only_here;  // frames that no other table maps, if they need not be retired
  std::array<PageEntry, most_bytes_sharing / page_size> taken;  // the entries of other frames
  std::size_t count = 0;
  const auto free_taken = [&] {
    for (const PageEntry entry : std::span{taken}.first(count)) forget_page(entry);
    count = 0;
  };
  const auto take = [&](VirtAddr, PageEntry entry) {
    if (!is_locked_by_sharer() && !is_used_elsewhere(entry)) {
      only_here.add(entry.address());
      --resident_;
      return;
    }
    if (count == taken.size()) {
      flush(start, end);
      free_taken();
    }
    taken[count++] = entry;
  };
  const auto free_table = [this](PhysAddr table) {
    is_locked_by_sharer() ? RetiredFrames::add_table(table) : hal::table_frames::release(table);
  };
  const bool tables_freed = table_.remove(start, end, take, free_table);
  const bool pages_removed = count + only_here.count() != 0;
  if (end - start == page_size && !tables_freed && pages_removed) {
    flush_page(start);
  } else if (tables_freed || pages_removed) {
    flush(start, end);
  }
  free_taken();
}

[[gnu::noinline]] void AddressSpace::give_up(PageEntry entry) {
  if (entry.borrowed()) {
    --borrowed_;
  } else if (is_locked_by_sharer()) {
    RetiredFrames::add(entry.address());
  } else {
    frames.drop(entry.address());
  }
}

void AddressSpace::forget_page(PageEntry entry) {
  give_up(entry);
  --resident_;
}

// Empties the entries of `run`, and does what forget_page() does for each page. Returns the number
// of pages.
std::size_t AddressSpace::forget_pages(std::span<PageEntry> run) {
  if (async::Strand::smp_active()) [[unlikely]]
    return forget_pages_smp(run);
  const FrameReferences references;
  return drop_pages(run, [&](PhysAddr frame) {
    if (references.drop(frame)) frames.free_alone(frame);
  });
}

[[gnu::noinline]] std::size_t AddressSpace::forget_pages_smp(std::span<PageEntry> run) {
  const FrameReferences references;
  FrameChain gone;
  return drop_pages(run, [&](PhysAddr frame) {
    if (references.drop_smp(frame)) gone.add(frame);
  });
}

template <class Drop>
[[gnu::always_inline]] inline std::size_t AddressSpace::drop_pages(std::span<PageEntry> run,
                                                                   Drop drop) {
  std::size_t removed = 0;
  std::size_t borrowed = 0;
  const auto drop_each = [&](std::span<PageEntry> entries) {
#pragma clang loop unroll_count(4)  // one and a half instructions a page less
    for (PageEntry& entry : entries) {
      const PageEntry old = entry;
      if (old.empty()) continue;
      hal::set_relaxed(entry, PageEntry{});
      ++removed;
      if (old.borrowed()) [[unlikely]] {
        ++borrowed;
      } else {
        drop(old.address());
      }
    }
  };
  constexpr std::size_t two_blocks = 2 * block;
  for (; run.size() >= two_blocks; run = run.subspan(two_blocks)) {
    if (!run.front().borrowed() || !are_borrowed(run.data()) || !are_borrowed(&run[block])) {
      drop_each(run.first(two_blocks));
      continue;
    }
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i != two_blocks; ++i) hal::set_relaxed(run[i], PageEntry{});
    removed += two_blocks;
    borrowed += two_blocks;
  }
  drop_each(run);
  resident_ -= removed;
  borrowed_ -= borrowed;
  return removed;
}

Result<> AddressSpace::discard(VirtAddr start, std::size_t bytes) {
  const std::size_t length = page_up(bytes);
  if (!page_aligned(start) || length < bytes || start + length < start) return fail(Errno::einval);
  if (!hal::below_end(user_range(), start, length)) return fail(Errno::enomem);
  check_turn();
  if constexpr (hal::translates_addresses) {
    remove_pages(start, start + length);
  } else {
    fill_pages_again(start, start + length);
  }
  reset_code(start, start + length);
  if (!is_mapped(start, start + length)) return fail(Errno::enomem);
  return {};
}

void AddressSpace::reset_code(VirtAddr start, VirtAddr end) {
  if (!AreaCode::has_state) return;
  for (Area* area = areas_.first_after(start); area != nullptr && area->start < end;
       area = area->next) {
    code_generation_.count(area->access);
    area->code.may_differ();
  }
}

bool AddressSpace::is_plain(VirtAddr start, std::size_t bytes) const {
  const VirtAddr end = start + bytes;
  unsigned areas = 0;
  for (const Area* area = areas_.first_after(start); area != nullptr && area->start < end;
       area = area->next) {
    if (++areas > most_plain_areas || area->backing.object.get() != nullptr ||
        allows(area->access, Access::execute))
      return false;
  }
  return true;
}

bool AddressSpace::is_mapped(VirtAddr start, VirtAddr end) const {
  for (const Area* area = areas_.first_after(start);
       area != nullptr && area->start <= start && start < end; area = area->next) {
    start = area->end;
  }
  return start >= end;
}

void AddressSpace::remove_object_pages(const Area& area, VirtAddr start, VirtAddr end,
                                       bool drops_copies, FrameChain& gone) {
  async::Strand::check_access();
  const auto take = [&](VirtAddr, PageEntry entry) {
    has_removed_ = true;
    if (is_used_elsewhere(entry)) return forget_page(entry);
    gone.add(entry.address());
    --resident_;
  };
  const auto remove = [&](VirtAddr from, VirtAddr to) {
    if (table_.remove(from, to, take, hal::table_frames::release)) has_removed_ = true;
  };
  if (drops_copies || area.backing.is_shared()) return remove(start, end);
  MappableObject& object = area.backing.pages();
  for (VirtAddr page = start; page < end; page += page_size) {
    const PageEntry entry = table_.entry(page);
    const std::size_t index = area.backing.first_page + (page - area.start) / page_size;
    if (entry.empty() || !object.has_frame(index)) continue;
    if (*object.frame(index) == entry.address()) remove(page, page + page_size);
  }
}

// ── mremap and mincore ───────────────────────────────────────────────────────────────────────────

Result<VirtAddr> AddressSpace::remap(VirtAddr old, std::size_t old_bytes, MapRequest request,
                                     bool may_move) {
  check_access();
  check_turn();
  recent_ = nullptr;
  Area* const area = areas_.find(old);
  if (area == nullptr || old_bytes > area->end - old) return fail(Errno::efault);
  if (old_bytes == 0 && !area->backing.is_shared()) return fail(Errno::einval);
  if constexpr (!hal::translates_addresses) return fail(Errno::enomem);
  // The kernel cannot tell what it has changed in instructions at another address.
  if (AreaCode::has_state && allows(area->access, Access::execute)) return fail(Errno::einval);
  request.access = area->access;
  request.backing = area->backing;
  request.backing.advance(old - area->start);
  const bool stays = request.place == MapRequest::Place::anywhere && old_bytes != 0 &&
                     old + old_bytes == area->end;
  if (stays && (area->next == nullptr || area->next->start >= old + request.bytes)) {
    MapRequest rest = request;
    rest.place = MapRequest::Place::if_free;
    rest.address = area->end;
    rest.bytes -= old_bytes;
    rest.backing.advance(old_bytes);
    const auto grown = map(std::move(rest));
    if (grown) return old;
    if (!may_move) return fail(grown.error());
  }
  if (!may_move) return fail(Errno::enomem);
  return map(std::move(request));
}

Result<> AddressSpace::copy_entries(VirtAddr from, VirtAddr to, std::size_t bytes) {
  check_access();
  bool is_complete = true;
  table_.for_each(from, from + bytes, [&](VirtAddr va, PageEntry& entry) {
    if (!is_complete) return;
    const VirtAddr page = to + (va - from);
    if (!table_.entry(page).empty()) remove_pages(page, page + page_size);
    PageEntry* const slot = table_.ensure(page);
    if (slot == nullptr) {
      is_complete = false;
      return;
    }
    if (entry.borrowed()) {
      ++borrowed_;
    } else {
      frames.share(entry.address());
    }
    hal::PageTable::fill(slot, entry);
    hal::translation_added(page);
    ++resident_;
    if (entry.allows(Access::execute)) code_written_ = true;
  });
  return is_complete ? Result<>{} : fail(Errno::enomem);
}

void AddressSpace::find_in_memory(VirtAddr start, std::span<std::uint8_t> out) const {
  const Area* area = areas_.first_after(start);
  for (std::size_t i = 0; i != out.size(); ++i) {
    const VirtAddr page = start + i * page_size;
    while (area->end <= page) area = area->next;
    const Backing& backing = area->backing;
    const std::size_t offset = page - area->start;
    bool is_there = !table_.entry(page).empty();
    if (backing.has_pages()) {
      is_there |= backing.pages().has_frame(backing.first_page + offset / page_size);
    } else if (backing.kind == Backing::Kind::file || backing.kind == Backing::Kind::segment) {
      is_there |= offset < backing.file.size();
    }
    out[i] = is_there ? 1 : 0;
  }
}

// ── The heap of a program ────────────────────────────────────────────────────────────────────────

void AddressSpace::set_break_start(VirtAddr start) {
  break_start_ = break_ = page_up(start);
}

VirtAddr AddressSpace::set_break(VirtAddr wanted, std::size_t most_bytes) {
  if (wanted < break_start_ || wanted > user_range().end()) return break_;
  const VirtAddr old_end = page_up(break_);
  const VirtAddr new_end = page_up(wanted);
  if (new_end < old_end) {
    if (!unmap(new_end, old_end - new_end)) return break_;
  } else if (new_end > old_end) {
    const auto mapped = map({.address = old_end,
                             .bytes = new_end - old_end,
                             .access = Access::read | Access::write,
                             .place = MapRequest::Place::if_free,
                             .most_bytes = most_bytes});
    if (!mapped) return break_;
  }
  return break_ = wanted;
}

}  // namespace kernel::memory
