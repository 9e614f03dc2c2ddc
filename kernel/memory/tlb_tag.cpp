#include "memory/tlb_tag.h"

#include <async/strand.h>
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
  async::Strand::check_access();
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
    // No hart has used the new ASID since the last full flush: nothing to flush here.
    stale_.store(~here.mask, std::memory_order_relaxed);
  }
  flush_stale();
}

/// This hart does the flushes that its bits ask for. It clears the bits first. A hart that changes
/// an entry and still finds the bit set sends no IPI: the fence makes this hart see the new entry.
void TlbTag::flush_stale() {
  const bool translations = is_stale_here();
  const bool code = (stale_code_.load(std::memory_order_relaxed) & here.mask) != 0;
  if (translations) stale_.fetch_and(~here.mask, std::memory_order_acquire);
  if (code) stale_code_.fetch_and(~here.mask, std::memory_order_acquire);
  async::platform::atomic_thread_fence(std::memory_order_seq_cst);
  if (translations) hal::flush_space(asid_);
  if (code) hal::synchronize_code();
}

/// The harts of the set `harts` that are in the space.
hal::HartMask TlbTag::current_of(hal::HartMask harts) const {
  hal::HartMask current = 0;
  hal::for_each_hart(harts, [&](unsigned hart) {
    if (current_on(hart) == this) current |= hal::mask_of(hart);
  });
  return current;
}

/// The other harts that are in the space. A hart that is in it is not stale. So the cost does not
/// depend on harts that have never been in it, and their words are not read.
hal::HartMask TlbTag::others() const {
  return current_of(~stale_.load(std::memory_order_relaxed) & ~here.mask);
}

/// Marks all other harts that are not in the space as stale. Returns the harts that must flush now.
hal::HartMask TlbTag::note_change() {
  // Pairs with the fence in flush_stale(): a hart whose bit is still set sees the changed entry.
  async::platform::atomic_thread_fence(std::memory_order_seq_cst);
  // The caller has flushed this change on this hart. Its bit stays as it was: it may still owe a
  // flush for an earlier change.
  const hal::HartMask fresh = ~stale_.load(std::memory_order_relaxed) & ~here.mask;
  hal::HartMask now = current_of(fresh);
  if (const hal::HartMask elsewhere = fresh & ~now; elsewhere != 0) {
    stale_.fetch_or(elsewhere, std::memory_order_release);
    // Pairs with the fence in enter_sharing().
    async::platform::atomic_thread_fence(std::memory_order_seq_cst);
    if (const hal::HartMask entered = current_of(elsewhere); entered != 0) {
      stale_.fetch_and(~entered, std::memory_order_relaxed);
      now |= entered;
    }
  }
  if (now != 0) ++here.shootdowns;
  return now;
}

void TlbTag::flush_page_of_others(hal::VirtAddr va) {
  if (const hal::HartMask harts = note_change(); harts != 0) hal::flush_remote(harts, asid_, va, 1);
}

void TlbTag::flush_others() {
  if (const hal::HartMask harts = note_change(); harts != 0) hal::flush_space_remote(harts, asid_);
}

void TlbTag::fence_others() const {
  async::Strand::check_access();
  async::platform::atomic_thread_fence(std::memory_order_seq_cst);
  if (!hal::smp_active()) return;
  if (const hal::HartMask harts = others(); harts != 0) hal::synchronize_code_remote(harts);
}

void TlbTag::synchronize_code() {
  hal::synchronize_code();
  if (!hal::smp_active()) return;
  const hal::HartMask now = note_change();
  stale_code_.fetch_or(~now & ~here.mask, std::memory_order_relaxed);
  if (now != 0) hal::synchronize_code_remote(now);
}

}  // namespace kernel::memory
