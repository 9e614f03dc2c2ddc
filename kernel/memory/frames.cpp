#include "memory/frames.h"

#include <async/strand.h>

#include <algorithm>
#include <bit>

namespace kernel::memory {

using hal::page_size;

constinit FrameAllocator frames;

constinit async::LeafLock allocators_lock;

bool can_allocate_contiguous(std::size_t bytes) {
  if (bytes == 0) return true;
  const auto order = static_cast<unsigned>(std::bit_width((bytes - 1) / page_size));
  return can_allocate(page_size << order) && frames.has_block(order);
}

// ── Single frames ────────────────────────────────────────────────────────────────────────────────

// The slow path of allocate(): loose_ is empty.
FrameAllocator::Number FrameAllocator::take_single() {
  if (zeroed_ != 0) return std::exchange(zeroed_, infos_[zeroed_].links.next);
  return take_block(0);
}

PhysAddr FrameAllocator::allocate(Use use) {
  if (!may_take(1, use)) return 0;
  Number frame = loose_;
  if (frame != 0) [[likely]] {
    loose_ = infos_[frame].links.next;
  } else {
    frame = take_single();
  }
  free_ = free_ - 1;
  infos_[frame].references = 1;
  return address(frame);
}

PhysAddr FrameAllocator::allocate_zeroed(Use use) {
  if (!may_take(1, use)) return 0;
  if (zeroed_ == 0) {
    const PhysAddr frame = allocate(use);
    if (frame != 0) hal::zero_page(hal::phys_to_virt(frame));
    return frame;
  }
  const Number frame = std::exchange(zeroed_, infos_[zeroed_].links.next);
  free_ = free_ - 1;
  infos_[frame].references = 1;
  return address(frame);
}

PhysAddr FrameAllocator::allocate_zeroed_sharing(Use use) {
  PhysAddr frame;
  {
    const async::LeafLock::Guard lock{allocators_lock};
    if (zeroed_ != 0) return allocate_zeroed(use);
    frame = allocate(use);
  }
  if (frame != 0) hal::zero_page(hal::phys_to_virt(frame));
  return frame;
}

void FrameAllocator::drop_zeroed(PhysAddr frame) {
  push(zeroed_, number(frame));
}

// ── Blocks: a buddy system ───────────────────────────────────────────────────────────────────────
//
// The FrameInfo of the first frame of every block is valid, whether the block is free or in use. It
// is written when the block is split off or carved. The buddy of a block is never inside a larger
// free block. The first frame's FrameInfo therefore tells whether the buddy can be merged.

PhysAddr FrameAllocator::allocate_block(unsigned order, Use use) {
  const std::size_t count = std::size_t{1} << order;
  if (order > max_order || !may_take(count, use)) return 0;
  Number block = take_block(order);
  if (block == 0) {
    drain(loose_);
    drain(zeroed_);
    block = take_block(order);
    if (block == 0) return 0;
  }
  free_ = free_ - count;
  infos_[block].references = 1;
  infos_[block].order = static_cast<std::uint8_t>(order);
  return address(block);
}

bool FrameAllocator::has_block(unsigned order) {
  const PhysAddr block = allocate_block(order);
  if (block != 0) free_block(block, order);
  return block != 0;
}

void FrameAllocator::free_block(PhysAddr block, unsigned order) {
  free_ = free_ + (std::size_t{1} << order);
  put_block(number(block), order);
}

// Returns the single frames of `stack` to the buddy system, where they can merge.
void FrameAllocator::drain(Number& stack) {
  while (stack != 0) put_block(std::exchange(stack, infos_[stack].links.next), 0);
}

FrameAllocator::Number FrameAllocator::take_block(unsigned wanted) {
  for (;;) {
    unsigned order = wanted;
    while (order < orders && blocks_[order] == 0) ++order;
    if (order == orders) {
      if (!carve_fresh()) return 0;
      continue;
    }
    const Number block = blocks_[order];
    unlink(block, order);
    while (order > wanted) {
      --order;
      link(block + (Number{1} << order), order);
    }
    return block;
  }
}

void FrameAllocator::put_block(Number block, unsigned order) {
  for (; order < max_order; ++order) {
    const Number buddy = block ^ (Number{1} << order);
    const FrameInfo& other = infos_[buddy];
    if (other.state != FrameInfo::State::free_block || other.order != order) break;
    unlink(buddy, order);
    block = std::min(block, buddy);
  }
  link(block, order);
}

void FrameAllocator::link(Number block, unsigned order) {
  FrameInfo& info = infos_[block];
  info.links = {.next = blocks_[order], .previous = 0};
  info.state = FrameInfo::State::free_block;
  info.order = static_cast<std::uint8_t>(order);
  if (info.links.next != 0) infos_[info.links.next].links.previous = block;
  blocks_[order] = block;
}

void FrameAllocator::unlink(Number block, unsigned order) {
  FrameInfo& info = infos_[block];
  const auto [next, previous] = info.links;
  (previous != 0 ? infos_[previous].links.next : blocks_[order]) = next;
  if (next != 0) infos_[next].links.previous = previous;
  info.state = FrameInfo::State::taken;
}

// ── RAM that was never used ──────────────────────────────────────────────────────────────────────

// Moves the next aligned piece of unused RAM into the buddy system, 2 MiB if possible. False: none
// is left.
bool FrameAllocator::carve_fresh() {
  while (fresh_count_ != 0) {
    FreshRange& range = fresh_[fresh_count_ - 1];
    if (range.next == range.end) {
      --fresh_count_;
      continue;
    }
    const auto alignment = static_cast<unsigned>(std::countr_zero(range.next));
    const auto fits = static_cast<unsigned>(std::bit_width(range.end - range.next)) - 1;
    const unsigned order = std::min({alignment, fits, max_order});
    link(range.next, order);
    range.next += Number{1} << order;
    return true;
  }
  return false;
}

bool FrameAllocator::initialize(std::span<const hal::MemoryRange> memory,
                                std::span<const hal::MemoryRange> reserved) {
  *this = FrameAllocator{};
  for (const hal::MemoryRange& range : memory) {
    const PhysAddr first = hal::page_up(std::max(range.base, page_size));  // page 0 means "none"
    if (first < range.end()) add_fresh(number(first), number(hal::page_down(range.end())));
  }
  for (const hal::MemoryRange& range : reserved) {
    exclude(number(hal::page_down(range.base)), number(hal::page_up(range.end())));
  }
  if (!place_infos()) return false;
  for (const FreshRange& range : std::span(fresh_).first(fresh_count_)) {
    initialize_edges(range);
    total_ += range.end - range.next;
  }
  free_ = total_;
  return true;
}

void FrameAllocator::add_fresh(Number first, Number end) {
  if (first >= end || fresh_count_ == max_ranges) return;
  fresh_[fresh_count_++] = {.next = first, .end = end};
}

void FrameAllocator::exclude(Number first, Number end) {
  for (std::size_t i = 0, count = fresh_count_; i < count; ++i) {
    FreshRange& range = fresh_[i];
    if (end <= range.next || first >= range.end) continue;
    add_fresh(std::max(end, range.next), range.end);
    range.end = std::max(first, range.next);
  }
}

// Places the array of FrameInfo at the end of the first range with room for it. The array covers
// whole pieces of 2 MiB, so that the buddy of every managed block has an entry.
bool FrameAllocator::place_infos() {
  constexpr Number piece = Number{1} << max_order;
  Number first = ~Number{0};
  Number end = 0;
  for (const FreshRange& range : std::span(fresh_).first(fresh_count_)) {
    first = std::min(first, range.next & ~(piece - 1));
    end = std::max(end, (range.end + piece - 1) & ~(piece - 1));
  }
  if (end == 0) return false;
  const std::size_t bytes = std::size_t{end - first} * sizeof(FrameInfo);
  const auto pages = static_cast<Number>(hal::page_up(bytes) / page_size);
  for (FreshRange& range : std::span(fresh_).first(fresh_count_)) {
    if (range.end - range.next <= pages) continue;
    range.end -= pages;
    const auto array = reinterpret_cast<std::uintptr_t>(hal::phys_to_virt(address(range.end)));
    infos_ = reinterpret_cast<FrameInfo*>(array - std::size_t{first} * sizeof(FrameInfo));
    return true;
  }
  return false;
}

// Initialises the infos of the 2 MiB pieces that the range covers only partly. The frames outside
// the range count as taken.
void FrameAllocator::initialize_edges(const FreshRange& range) {
  constexpr Number piece = Number{1} << max_order;
  const auto initialize_piece = [this](Number inside) {
    const Number start = inside & ~(piece - 1);
    for (Number frame = start; frame != start + piece; ++frame) infos_[frame] = FrameInfo{};
  };
  if (range.next % piece != 0) initialize_piece(range.next);
  if (range.end % piece != 0) initialize_piece(range.end);
}

}  // namespace kernel::memory

// ── Frames for page tables ───────────────────────────────────────────────────────────────────────

namespace hal::table_frames {

using kernel::memory::allocators_lock;
using kernel::memory::frames;

namespace {

[[gnu::cold]] PhysAddr allocate_sharing() {
  const async::LeafLock::Guard lock{allocators_lock};
  return frames.allocate_zeroed(kernel::memory::Use::user);
}
[[gnu::cold]] void release_sharing(PhysAddr table) {
  const async::LeafLock::Guard lock{allocators_lock};
  frames.drop_zeroed(table);
}

}  // namespace

PhysAddr allocate() {
  const PhysAddr table = async::Strand::is_shared()
                             ? allocate_sharing()
                             : frames.allocate_zeroed(kernel::memory::Use::user);
  if (table != 0) note(table) = {};
  return table;
}

void release(PhysAddr table) {
  if (async::Strand::is_shared()) [[unlikely]]
    return release_sharing(table);
  frames.drop_zeroed(table);
}

Note& note(PhysAddr table) {
  return frames.info(table).table;
}

}  // namespace hal::table_frames
