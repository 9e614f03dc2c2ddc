#include "async/retired.h"

#include <utility>

#include "async/executor.h"

namespace async {

void Retired::add(void* object, Destroy destroy) noexcept {
  if (platform::checked && Strand::is_held())
    platform::fail("a hart that does not share the strand retires an object");
  List& list = own().list;
  if (list.count == List::capacity) platform::fail("a hart retires too many objects at once");
  list.entries[(list.first + list.count++) % List::capacity] = {object, destroy};
  Local& local = platform::local();
  local.has_retired = true;
  if (list.count >= list.looked + batch || list.count > most_kept) local.must_destroy |= sharing;
}

void Retired::add_for_strand(void* object, Destroy destroy, bool at_once) noexcept {
  if (platform::checked && Strand::is_held())
    platform::fail("a hart that does not share the strand retires an object");
  ListForStrand& list = own().for_strand;
  if (list.count == list.entries.size()) platform::fail("a hart retires too many objects at once");
  list.entries[list.count++] = {object, destroy};
  Local& local = platform::local();
  local.has_retired = true;
  if (at_once || list.count >= limit_for_strand) local.must_destroy |= in_strand;
}

void Retired::destroy_first(List& list, std::size_t count) noexcept {
  for (; count != 0 && list.count != 0; --count) {
    const Entry entry = list.entries[list.first];
    list.first = (list.first + 1) % List::capacity;
    --list.count;
    entry.destroy(entry.object);
  }
}

/// The grace period of all objects in the list begins. The hart shares the strand.
void Retired::begin_grace_period(List& list) noexcept {
  // Pairs with the fence in Strand::share(): a hart that shows a later epoch, or does not show yet
  // that it shares the strand, will not find the objects.
  platform::atomic_thread_fence(std::memory_order_seq_cst);
  list.epoch = Strand::taken_.epoch.load(std::memory_order_relaxed);
  list.waiting = list.count;
}

/// Whether every other hart does not share the strand, or shows a later epoch. If not, makes sure
/// that later sharings show one.
bool Retired::is_grace_period_over(const List& list) noexcept {
  const StrandSharer* const here = platform::local().sharer;
  for (const StrandSharer& sharer : Strand::sharers()) {
    // Pairs with the fence in Strand::clear_share(): what the hart did while it shared the strand
    // comes before the destruction.
    const std::uint64_t shown = sharer.shares_.load(std::memory_order_acquire);
    if (shown == 0 || shown > list.epoch || &sharer == here) continue;
    std::uint64_t epoch = list.epoch;
    if (Strand::taken_.epoch.load(std::memory_order_relaxed) == epoch)
      Strand::taken_.epoch.compare_exchange_strong(epoch, epoch + 1, std::memory_order_relaxed);
    return false;
  }
  return true;
}

void Retired::note_left() noexcept {
  Lists& lists = own();
  Local& local = platform::local();
  lists.list.looked = lists.list.count;
  local.has_retired = lists.list.count != 0 || lists.for_strand.count != 0;
  local.must_destroy &= in_strand;
  if (lists.list.count > most_kept) local.must_destroy |= in_strand;
}

void Retired::destroy_some() noexcept {
  Local& local = platform::local();
  List& list = own().list;
  Strand::share();
  local.shares_strand = true;
  for (;;) {
    destroy_first(list, std::exchange(list.ended, 0));
    if (list.waiting == 0) {
      if (list.count == 0) break;
      begin_grace_period(list);
    }
    if (!is_grace_period_over(list)) break;
    list.ended = std::exchange(list.waiting, 0);
  }
  note_left();
  local.shares_strand = false;
  Strand::clear_share(local);
}

void Retired::destroy_own() noexcept {
  List& list = own().list;
  destroy_first(list, list.count);
  list.ended = 0;
  note_left();
}

void Retired::destroy_all() noexcept {
  for (Lists& lists : lists_) {
    destroy_first(lists.list, lists.list.count);
    lists.list.ended = lists.list.waiting = lists.list.looked = 0;
  }
}

void Retired::destroy_all_by(Destroy destroy) noexcept {
  for (auto& [list, for_strand] : lists_) {
    for (std::uint32_t i = 0; i != list.count; ++i) {
      Entry& entry = list.entries[(list.first + i) % List::capacity];
      if (entry.destroy != destroy) continue;
      destroy(entry.object);
      entry = {nullptr, [](void*) noexcept {}};
    }
  }
}

void Retired::end_grace_period() noexcept {
  Local& local = platform::local();
  auto& [list, for_strand] = own();
  for (; for_strand.count != 0; --for_strand.count) {
    const Entry& last = for_strand.entries[for_strand.count - 1];
    last.destroy(last.object);
  }
  list.ended = list.count;
  list.waiting = 0;
  local.has_retired = list.count != 0;
  local.must_destroy = list.count != 0 ? sharing : 0;
}

void Retired::after_sharing() noexcept {
  const Local& local = platform::local();
  if ((local.must_destroy & in_strand) == 0) destroy_some();
  if ((local.must_destroy & in_strand) == 0) return;
  Strand::enter_smp();
  Strand::leave_smp();
  destroy_some();
}

void Retired::reset() noexcept {
  lists_ = {};
}

void Strand::end_grace_period() noexcept {
  Retired::end_grace_period();
}

void Strand::after_sharing() noexcept {
  Retired::after_sharing();
}

void Strand::after_sharing_step() noexcept {
  platform::local().job = nullptr;  // another hart may run it already
  Retired::after_sharing();
}

}  // namespace async
