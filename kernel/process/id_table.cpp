#include "process/id_table.h"

#include <async/retired.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

namespace kernel {

int IdSlots::allocate() {
  Numbers& numbers = numbers_[hal::hart_index()];
  for (;;) {
    if (numbers.next == numbers.end) [[unlikely]]
      begin_group(numbers);
    const auto id = static_cast<int>(numbers.next++);
    if (is_free(id)) return id;
  }
}

/// The hart allocates from another group from now on.
[[gnu::cold]] void IdSlots::begin_group(Numbers& numbers) {
  auto made = std::make_unique<Slots>();  // before the lock: its holder allocates nothing
  unsigned begun;
  {
    const async::LeafLock::SharingGuard lock{lock_};
    begun = next_group();
    Group& group = groups_[begun];
    group.is_of_hart = true;
    change_used(group, 1);
    if (group.slots == nullptr) {
      group.slots = made.release();
      with_slots_[begun / 64] |= std::uint64_t{1} << begun % 64;
    }
    if (numbers.end != 0) groups_[numbers.end / group_size - 1].is_of_hart = false;
  }
  if (numbers.end != 0) leave(static_cast<int>(numbers.end - 1));
  numbers = {.next = std::max(begun * group_size, 1u), .end = (begun + 1) * group_size};
}

/// The next group from which no hart allocates. The groups take turns, so a number is used again
/// late. At least three of four numbers of these groups are free, so the search for a free number
/// is short on average. Under the lock.
unsigned IdSlots::next_group() {
  lock_.check_access();
  constexpr unsigned least = 128;  // more than there are harts
  unsigned in_use = 0;
  for (unsigned at = group_with_slots(0); at < groups; at = group_with_slots(at + 1))
    in_use += groups_[at].used.load(std::memory_order_relaxed);
  const unsigned range = std::clamp(4 * in_use / group_size, least, groups);
  do {
    newest_ = newest_ + 1 < range ? newest_ + 1 : 0;
  } while (groups_[newest_].is_of_hart);
  return newest_;
}

std::uint32_t IdSlots::change_used(Group& group, int by) {
  const auto change = static_cast<std::uint32_t>(by);
  if (async::Strand::smp_active()) [[unlikely]]
    return group.used.fetch_add(change, std::memory_order_acq_rel) + change;
  const std::uint32_t used = group.used.load(std::memory_order_relaxed) + change;
  group.used.store(used, std::memory_order_relaxed);
  return used;
}

void IdSlots::enter(int id) {
  change_used(groups_[static_cast<unsigned>(id) / group_size], 1);
}

void IdSlots::leave(int id) {
  const unsigned group = static_cast<unsigned>(id) / group_size;
  if (change_used(groups_[group], -1) == 0) [[unlikely]]
    free(group);
}

/// Frees the slots of a group, unless a hart has begun to allocate from it in the meantime.
[[gnu::cold]] void IdSlots::free(unsigned group) {
  Slots* unused;
  {
    const async::LeafLock::SharingGuard lock{lock_};
    if (groups_[group].used.load(std::memory_order_relaxed) != 0) return;
    unused = groups_[group].slots;
    groups_[group].slots = nullptr;
    with_slots_[group / 64] &= ~(std::uint64_t{1} << group % 64);
  }
  if (async::Strand::is_held()) {
    delete unused;
  } else if (unused != nullptr) {  // look-ups of other harts may use them
    async::Retired::add(unused);
  }
}

/// The first group from `from` on that has slots; `groups`: there is none.
unsigned IdSlots::group_with_slots(unsigned from) {
  for (; from < groups; from = (from / 64 + 1) * 64) {
    const std::uint64_t rest = with_slots_[from / 64] >> from % 64;
    if (rest != 0) return from + static_cast<unsigned>(std::countr_zero(rest));
  }
  return groups;
}

}  // namespace kernel
