// SkipList: a sorted list that harts search without a lock, while another hart changes it (W. Pugh,
// "Skip Lists: A Probabilistic Alternative to Balanced Trees", CACM 1990).
//
//   level 1   head ─────────────▶ c ─────────────▶ null
//   level 0   head ──▶ a ──▶ b ──▶ c ──▶ d ──▶ null
//
// A search begins at the highest level, and descends where the next entry is too far. With heights
// from random_height() it takes O(log n) steps on average, for up to 8^levels entries.
//
// Searches and next() may run on any hart that is in the strand or shares it (strand.h). Changes
// exclude each other. A search beside a change finds the list as it was before the change or after
// it. A removed entry keeps its links, because a search may be at it: destroy it when no hart
// shares the strand (retired.h).
#pragma once

#include <array>
#include <cstdint>

#include "async/shared_word.h"

namespace async {

template <class Entry, unsigned levels>
class SkipList;

/// The base of an Entry, and of the list's head: the next entry on each level.
template <class Entry, unsigned levels>
class SkipLinks {
  friend SkipList<Entry, levels>;

  Entry* next(unsigned level) const noexcept { return next_[level].load(order_of_dependence); }
  // Publishes `entry` with all that the hart wrote to it before. Pairs with next().
  void set_next(unsigned level, Entry* entry) noexcept {
    next_[level].store(entry, std::memory_order_release);
  }

  std::array<platform::Atomic<Entry*>, levels> next_{};
};

template <class Entry, unsigned levels>
class SkipList {
 public:
  SkipList() = default;
  SkipList(const SkipList&) = delete;

  /// A height for a new entry, from 1 to `levels`. If the numbers are different, each height is
  /// eight times as frequent as the next one.
  static unsigned random_height(std::uint64_t number) noexcept {
    constexpr std::uint64_t golden = 0x9e37'79b9'7f4a'7c15;  // 2^64 divided by the golden ratio
    number *= golden;
    number = (number ^ number >> 32) * golden >> 32;
    unsigned height = 1;
    for (; height < levels && number % 8 == 0; number /= 8) ++height;
    return height;
  }

  bool empty() const noexcept { return first() == nullptr; }
  Entry* first() const noexcept { return head_.next(0); }
  static Entry* next(const Entry& entry) noexcept { return links(entry).next(0); }

  /// The first entry for which `is_before(entry)` is false, or null. The entries for which it is
  /// true come before all others.
  template <class IsBefore>
  Entry* find(IsBefore is_before) const noexcept {
    const Links* at = &head_;
    Entry* next = nullptr;
    for (unsigned level = levels; level-- != 0;) {
      while ((next = at->next(level)) != nullptr && is_before(*next)) at = next;
    }
    return next;
  }

  /// Inserts `entry` behind the entries for which `is_before(entry)` is true.
  template <class IsBefore>
  void insert(Entry& entry, unsigned height, IsBefore is_before) noexcept {
    const Places before = find_all(is_before);
    for (unsigned level = 0; level < height; ++level) {
      links(entry).set_next(level, before[level]->next(level));
      before[level]->set_next(level, &entry);
    }
  }

  /// Removes `entry`. `is_before(entry)` is true for the entries before it.
  template <class IsBefore>
  void remove(const Entry& entry, IsBefore is_before) noexcept {
    const Places before = find_all(is_before);
    for (unsigned level = levels; level-- != 0;) {
      if (before[level]->next(level) == &entry)
        before[level]->set_next(level, links(entry).next(level));
    }
  }

 private:
  using Links = SkipLinks<Entry, levels>;
  using Places = std::array<Links*, levels>;

  static const Links& links(const Entry& entry) noexcept { return entry; }
  static Links& links(Entry& entry) noexcept { return entry; }

  /// On each level the last place before the entries for which `is_before(entry)` is false.
  template <class IsBefore>
  Places find_all(IsBefore is_before) noexcept {
    Places places;
    Links* at = &head_;
    for (unsigned level = levels; level-- != 0;) {
      for (Entry* next; (next = at->next(level)) != nullptr && is_before(*next);) at = next;
      places[level] = at;
    }
    return places;
  }

  Links head_;
};

}  // namespace async
