#include "memory/frames.h"

#include <async/leaf_lock.h>
#include <async/retired.h>
#include <async/strand.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <optional>

#include "memory/heap.h"
#include "memory/retired_frames.h"

namespace kernel::memory {

using hal::page_size;

constinit FrameAllocator frames;

namespace {

// Protects the frames that are in no cache, if several harts run. The caller acquires no other lock
// meanwhile.
alignas(64) constinit async::LeafLock frames_lock{3};

/// Holds frames_lock if several harts run.
class Locked {
 public:
  Locked() {
    if (async::Strand::smp_active()) guard_.emplace(frames_lock);
  }

 private:
  std::optional<async::LeafLock::Guard> guard_;
};

}  // namespace

bool can_allocate_contiguous(std::size_t bytes) {
  if (bytes == 0) return true;
  const auto order = static_cast<unsigned>(std::bit_width((bytes - 1) / page_size));
  return can_allocate(page_size << order) && frames.has_block(order);
}

[[gnu::cold]] bool can_allocate_without_caches(std::size_t bytes) {
  if (!async::Strand::is_held()) return false;
  if (async::Strand::smp_active()) {
    async::Retired::destroy_all();
    heap::trim();
    frames.empty_caches();
  }
  while (frames.free_for_user() * page_size < bytes) {
    if (!frames.reclaim()) return false;
    if (async::Strand::smp_active()) frames.empty_caches();
  }
  return true;
}

// ── Single frames ────────────────────────────────────────────────────────────────────────────────
//
// The fast paths are those of a machine with one hart. If several harts run, alone_ is empty.

PhysAddr FrameAllocator::allocate(Use use) {
  if (is_refused(use)) return 0;
  const Number frame = alone_.loose;
  if (frame == 0) [[unlikely]]
    return allocate_slowly(use);
  if (!may_take(1, use)) return regain_alone(use) ? allocate(use) : 0;
  alone_.loose = infos_[frame].links.next;
  free_ = free_ - 1;
  return hand_out(frame);
}

[[gnu::noinline]] PhysAddr FrameAllocator::allocate_slowly(Use use) {
  if (async::Strand::smp_active()) return allocate_smp(use);
  if (!may_take(1, use)) return regain_alone(use) ? allocate(use) : 0;
  const Number frame = alone_.zeroed != 0 ? pop(alone_.zeroed) : take_block(0);
  free_ = free_ - 1;
  return hand_out(frame);
}

PhysAddr FrameAllocator::allocate_zeroed(Use use) {
  if (is_refused(use)) return 0;
  if (alone_.zeroed == 0) return allocate_to_zero(use);
  if (!may_take(1, use)) return regain_alone(use) ? allocate_zeroed(use) : 0;
  free_ = free_ - 1;
  return hand_out(pop(alone_.zeroed));
}

[[gnu::noinline]] PhysAddr FrameAllocator::allocate_to_zero(Use use) {
  const bool is_alone = alone_.loose != 0 || !async::Strand::smp_active();
  if (!is_alone) [[unlikely]]
    return allocate_zeroed_smp(use);
  const PhysAddr frame = allocate(use);
  if (frame != 0) hal::zero_page(hal::phys_to_virt(frame));
  return frame;
}

// ── Caches of harts ──────────────────────────────────────────────────────────────────────────────
//
// Only the hart itself uses its caches, in the strand or while it shares the strand. A hart in the
// strand may empty the caches of all harts, because no other hart shares the strand then.

// Large enough for a program that unmaps and maps a megabyte again and again. The hart then gets
// frames that it has used before, so no contents move from the processor cache of another one.
template <unsigned size>
struct alignas(64) FrameAllocator::Cache {
  static constexpr unsigned kept = size - batch;  // how many stay when a full cache is emptied

  std::array<Number, size> frames;
  std::uint32_t count = 0;
};
struct FrameAllocator::HartCaches {
  Cache<511> loose;
  Cache<127> zeroed;
};
constinit std::array<FrameAllocator::HartCaches, hal::max_harts> FrameAllocator::caches{};

FrameAllocator::HartCaches& FrameAllocator::cache_of_hart() {
  async::Strand::check_access_to_own();
  return caches[hal::hart_index()];
}

PhysAddr FrameAllocator::allocate_smp(Use use) {
  auto& [loose, zeroed] = cache_of_hart();
  if (may_use_caches(use)) [[likely]] {
    if (loose.count != 0) [[likely]]
      return hand_out(loose.frames[--loose.count]);
    if (zeroed.count != 0) return hand_out(zeroed.frames[--zeroed.count]);
  }
  const Number frame = take_common(use, false).frame;
  return frame != 0 ? hand_out(frame) : 0;
}

PhysAddr FrameAllocator::allocate_zeroed_smp(Use use) {
  if (is_refused(use)) return 0;
  auto& [loose, zeroed] = cache_of_hart();
  if (may_use_caches(use)) [[likely]] {
    if (zeroed.count != 0) return hand_out(zeroed.frames[--zeroed.count]);
    if (loose.count != 0) [[likely]]
      return zero(loose.frames[--loose.count]);
  }
  const Taken taken = take_common(use, true);
  if (taken.frame == 0 || taken.is_zeroed) return taken.frame == 0 ? 0 : hand_out(taken.frame);
  return zero(taken.frame);
}

// Takes a frame that is in no cache, and a batch of others for the hart's cache.
[[gnu::noinline]] FrameAllocator::Taken FrameAllocator::take_common(Use use, bool prefers_zeroed) {
  const Taken taken = refill(use, prefers_zeroed);
  return taken.frame == 0 && regain(use) ? refill(use, prefers_zeroed) : taken;
}

FrameAllocator::Taken FrameAllocator::refill(Use use, bool prefers_zeroed) {
  const async::LeafLock::Guard lock{frames_lock};
  if (!may_take(1, use)) return {};
  auto& [loose, zeroed] = cache_of_hart();
  const bool is_zeroed = prefers_zeroed && common_.zeroed != 0;
  Number* const cache = is_zeroed ? zeroed.frames.data() : loose.frames.data();
  std::uint32_t& cached = is_zeroed ? zeroed.count : loose.count;
  Number& stack = is_zeroed || common_.loose == 0 ? common_.zeroed : common_.loose;
  const Number frame = stack != 0 ? pop(stack) : take_block(0);

  const std::size_t left = free_ - 1;
  const std::size_t spare = without_reserve(left);
  const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(spare, batch - 1));
  const std::uint32_t before = cached;
  std::uint32_t count = before;
  Number next = stack;
  for (; count < wanted && next != 0; next = infos_[next].links.next) {
    cache[count++] = next;
  }
  stack = next;
  while (!is_zeroed && count < wanted) {
    const Number block = take_block(0);
    if (block == 0) break;
    cache[count++] = block;
  }
  // The hart takes the last entry first. So a program that touches adjacent pages in ascending
  // order gets frames in ascending order, and on the hosted machine Linux merges the mappings of
  // such pages.
  std::reverse(cache + before, cache + count);
  cached = count;
  free_ = left - (count - before);
  note_scarcity();
  return {frame, is_zeroed};
}

void FrameAllocator::drop_smp(PhysAddr frame) {
  if (!FrameReferences{}.drop_smp(frame)) return;
  free_smp(cache_of_hart().loose, common_.loose, number(frame));
}

// As many frames as it has room for go to the hart's cache.
void FrameAllocator::drop_chain_smp(Number first, Number last, std::size_t count) {
  if (auto& loose = cache_of_hart().loose; !scarce_) {
    for (; count != 0 && loose.count != loose.frames.size(); --count)
      loose.frames[loose.count++] = std::exchange(first, infos_[first].links.next);
  }
  if (count == 0) return;
  const async::LeafLock::Guard lock{frames_lock};
  infos_[last].links.next = common_.loose;
  common_.loose = first;
  free_ = free_ + count;
  note_scarcity();
}

void FrameAllocator::drop_zeroed(PhysAddr frame) {
  if (async::Strand::smp_active()) [[unlikely]]
    return free_smp(cache_of_hart().zeroed, common_.zeroed, number(frame));
  push(alone_.zeroed, number(frame));
}

template <class Cache>
void FrameAllocator::free_smp(Cache& cache, Number& stack, Number frame) {
  if (!scarce_ && cache.count != cache.frames.size()) [[likely]] {
    cache.frames[cache.count++] = frame;
    return;
  }
  const async::LeafLock::Guard lock{frames_lock};
  push(stack, frame);
  const std::uint32_t kept = scarce_ ? 0 : Cache::kept;
  while (cache.count > kept) push(stack, cache.frames[--cache.count]);
  note_scarcity();
}

// Called under the lock or in the strand, after free_ or reserve_ has changed.
void FrameAllocator::note_scarcity() {
  frames_lock.check_access();
  if (const bool now = free_ < reserve_; now != scarce_) scarce_ = now;
  if (!async::Strand::smp_active()) return;
  // The two limits differ (hysteresis), so that harts seldom write the flag's cache line.
  const std::size_t enough = plentiful_ ? plenty : 2 * plenty;
  if (const bool now = without_reserve(free_) >= enough; now != plentiful_) plentiful_ = now;
}

[[gnu::noinline]] void FrameAllocator::adjust_reserve() {
  if (!async::Strand::smp_active()) {
    reserve_ = wanted_reserve();
    return;
  }
  const async::LeafLock::Guard lock{frames_lock};
  reserve_ = wanted_reserve();
  note_scarcity();
}

void FrameAllocator::begin_smp() {
  drain(alone_.loose);
  drain(alone_.zeroed);
  note_scarcity();
}

void FrameAllocator::empty_caches() {
  frames_lock.check_access();
  for (auto& [loose, zeroed] : caches) {
    while (loose.count != 0) push(common_.loose, loose.frames[--loose.count]);
    while (zeroed.count != 0) push(common_.zeroed, zeroed.frames[--zeroed.count]);
  }
  note_scarcity();
}

// After an allocation has failed: whether to try it again. Empties all caches if the caller is in
// the strand. The heap allocates with Use::kernel, so it is not emptied then.
[[gnu::cold]] bool FrameAllocator::regain(Use use) {
  if (!async::Strand::is_held()) return false;
  const std::size_t before = free_;
  RetiredFrames::drop_all();
  if (use == Use::user) heap::trim();
  empty_caches();
  while (use == Use::user && free_for_user() == 0 && reclaim()) empty_caches();
  return free_ != before;
}

/// The same while one hart runs. The heap may be in use, so only pages of programs call reclaim().
[[gnu::cold]] bool FrameAllocator::regain_alone(Use use) {
  if (use != Use::user || !async::Strand::is_held()) return false;
  while (!may_take(1, use))
    if (!reclaim()) return false;
  return true;
}

bool FrameAllocator::reclaim() {
  async::Strand::check_access();
  for (Reclaimer& reclaimer : reclaimers_)
    if (reclaimer.reclaim()) return true;
  return false;
}

std::size_t FrameAllocator::count_cached() {
  std::size_t count = 0;
  for (const auto& [loose, zeroed] : caches) count += loose.count + zeroed.count;
  return count;
}

// ── Blocks: a buddy system ───────────────────────────────────────────────────────────────────────
//
// The FrameInfo of the first frame of every block is valid, whether the block is free or in use. It
// is written when the block is split off or carved. The buddy of a block is never inside a larger
// free block. The first frame's FrameInfo therefore tells whether the buddy can be merged.

PhysAddr FrameAllocator::allocate_block(unsigned order, Use use) {
  if (order > max_order || is_refused(use)) return 0;
  const PhysAddr block = try_block(order, use);
  if (block != 0 || !async::Strand::smp_active() || !regain(Use::user)) return block;
  return try_block(order, use);
}

PhysAddr FrameAllocator::try_block(unsigned order, Use use) {
  const Locked locked;
  const std::size_t count = std::size_t{1} << order;
  if (!may_take(count, use)) return 0;
  Number block = take_block(order);
  if (block == 0) {
    for (Stacks* const stacks : {&alone_, &common_}) {
      drain(stacks->loose);
      drain(stacks->zeroed);
    }
    block = take_block(order);
    if (block == 0) return 0;
  }
  free_ = free_ - count;
  note_scarcity();
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
  const Locked locked;
  free_ = free_ + (std::size_t{1} << order);
  put_block(number(block), order);
  note_scarcity();
}

// Returns the single frames of `stack` to the buddy system, where they can merge.
void FrameAllocator::drain(Number& stack) {
  while (stack != 0) put_block(std::exchange(stack, infos_[stack].links.next), 0);
}

FrameAllocator::Number FrameAllocator::take_block(unsigned wanted) {
  frames_lock.check_access();
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
  frames_lock.check_access();
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
  std::construct_at(this);
  for (auto& [loose, zeroed] : caches) loose.count = zeroed.count = 0;
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

using kernel::memory::frames;

PhysAddr allocate() {
  const PhysAddr table = frames.allocate_zeroed(kernel::memory::Use::user);
  if (table != 0) note(table) = {};
  return table;
}

void release(PhysAddr table) {
  frames.drop_zeroed(table);
}

Note& note(PhysAddr table) {
  return frames.info(table).table;
}

}  // namespace hal::table_frames
