#include "memory/tlb_tag.h"

#include <hal/remote.h>

#include <algorithm>
#include <array>
#include <span>

namespace kernel::memory {

constinit AsidAllocator asids;
constinit thread_local TlbTag::Hart TlbTag::here;
constinit std::array<TlbTag::Hart*, hal::max_harts> TlbTag::by_hart{};
constinit unsigned TlbTag::end = 0;

// ── Identifiers ──────────────────────────────────────────────────────────────────────────────────

hal::Asid AsidAllocator::allocate() {
  Spare& spare = spare_[hal::hart_index()];
  if (!has_spare()) take_batch(spare);
  return static_cast<hal::Asid>(highest_ == 0 ? 0 : spare.next++);
}

void AsidAllocator::take_batch(Spare& spare) {
  while (next_ > highest_ || is_kept(next_)) {
    next_ > highest_ ? begin_generation() : void(++next_);
    if (highest_ == 0) return;
  }
  spare = {.next = next_, .end = next_, .generation = generation_};
  do {
    ++spare.end;
  } while (spare.end - next_ < batch_ && spare.end <= highest_ && !is_kept(spare.end));
  next_ = spare.end;
}

bool AsidAllocator::is_kept(std::uint32_t asid) const {
  const auto kept = std::span{kept_}.first(kept_count_);
  return std::ranges::find(kept, asid) != kept.end();
}

void AsidAllocator::begin_generation() {
  hal::flush_all();
  if (hal::smp_active()) hal::flush_all_remote(hal::running_harts());
  ++generation_;
  next_ = 1;
  kept_count_ = 0;
  for (unsigned hart = 0; hart < TlbTag::end; ++hart) {
    TlbTag* const tag = hart != hal::hart_index() ? TlbTag::current_on(hart) : nullptr;
    if (tag == nullptr) continue;
    tag->generation_ = generation_;
    kept_[kept_count_++] = tag->asid_;
  }
}

// ── Tags ─────────────────────────────────────────────────────────────────────────────────────────

void TlbTag::start_hart() {
  here.mask = hal::mask_of(hal::hart_index());
  by_hart[hal::hart_index()] = &here;
  end = std::max(end, hal::hart_index() + 1);
}

void TlbTag::stop_hart() {
  here.current = nullptr;
  by_hart[hal::hart_index()] = nullptr;
}

std::uint64_t TlbTag::shootdowns(unsigned hart) {
  return by_hart[hart] != nullptr ? by_hart[hart]->shootdowns.value() : 0;
}

TlbTag* TlbTag::current_on(unsigned hart) {
  return by_hart[hart] != nullptr ? by_hart[hart]->current : nullptr;
}

void TlbTag::catch_up(const hal::PageTable& table) {
  if (!is_known()) {
    asid_ = asids.allocate();
    token_ = table.token(asid_);
    generation_ = asids.generation();
    stale_ =
        ~here.mask;  // no hart has used the new ASID since the last full flush: nothing to flush
  }
  if ((stale_ & here.mask) != 0) hal::flush_space(asid_);
  if ((stale_code_ & here.mask) != 0) hal::synchronize_code();
  stale_ &= ~here.mask;
  stale_code_ &= ~here.mask;
}

/// The other harts that are in the space. A hart that is in it is not stale. So the cost does not
/// depend on harts that have never been in it, and their words are not read.
hal::HartMask TlbTag::others() const {
  hal::HartMask harts = 0;
  hal::for_each_hart(~stale_ & ~here.mask, [&](unsigned hart) {
    if (current_on(hart) == this) harts |= hal::mask_of(hart);
  });
  return harts;
}

/// Marks all other harts that are not in the space as stale. Returns the harts that must flush now.
hal::HartMask TlbTag::note_change() {
  const hal::HartMask now = others();
  if (now != 0) ++here.shootdowns;
  // The caller has flushed this change on this hart. Its bit stays as it was: it may still owe a
  // flush for an earlier change.
  const hal::HartMask stale = stale_ | (~now & ~here.mask);
  if (stale != stale_) stale_ = stale;  // harts that enter the space read this cache line
  return now;
}

void TlbTag::flush_page_of_others(hal::VirtAddr va) {
  if (const hal::HartMask harts = note_change(); harts != 0) hal::flush_remote(harts, asid_, va, 1);
}

void TlbTag::flush_others() {
  if (const hal::HartMask harts = note_change(); harts != 0) hal::flush_space_remote(harts, asid_);
}

void TlbTag::synchronize_code() {
  hal::synchronize_code();
  if (!hal::smp_active()) return;
  const hal::HartMask now = note_change();
  stale_code_ |= ~now & ~here.mask;
  if (now != 0) hal::synchronize_code_remote(now);
}

}  // namespace kernel::memory
