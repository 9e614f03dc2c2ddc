// The pages of a program on a machine without translation. It replaces the page table: a page has
// the address of its frame, so a table would map every address to itself. What remains is a record
// for each page of RAM, of its owner and of the rights of the program. No processor reads it.
//
// The kernel uses a record like an entry of a page table. It looks a program's address up here
// before it accesses the memory there, so a program cannot make the kernel access foreign memory.
#pragma once

#include <hal/entry_access.h>
#include <hal/machine/page_entry.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>
#include <hal/table_frames.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

namespace hal {

/// The records of all pages of RAM. Each piece has those of a gigabyte.
class PageRecords {
 public:
  static constexpr std::size_t piece_bytes = std::size_t{1} << 30;

  /// Allocates empty records for [begin, end). Returns false without memory. Boot calls it once.
  static bool initialize(PhysAddr begin, PhysAddr end);
  /// The record of the page at `va`. Null: there is no RAM.
  static PageEntry* find(VirtAddr va) {
    if (va < begin_ || va >= end_) return nullptr;
    return pieces_[va / piece_bytes] + va % piece_bytes / page_size;
  }

 private:
  static PhysAddr begin_, end_;  // the range that has records
  static std::array<PageEntry*, user_end / piece_bytes> pieces_;
};

inline constexpr UserRange whole_range{};

class OwnedPages {
 public:
  /// Creates an empty set with a new owner number. Returns nothing if all 4,095 numbers are in use.
  static std::optional<OwnedPages> create();

  OwnedPages(OwnedPages&& other) noexcept
      : owner_{std::exchange(other.owner_, 0)},
        token_{other.token_},
        begin_{other.begin_},
        end_{other.end_} {}
  /// The caller has removed all pages before.
  ~OwnedPages();

  static constexpr const UserRange& user_range() { return whole_range; }
  /// Differs from the tokens of all earlier objects.
  TranslationToken token(Asid) const { return token_; }
  /// The owner in the records of a token's object; 0 for the token 0.
  static PageEntry::Owner owner_of(TranslationToken token) {
    return static_cast<PageEntry::Owner>(token);
  }

  /// The record of a page that this object owns, or null.
  PageEntry* find(VirtAddr va) const {
    PageEntry* const record = PageRecords::find(va);
    return record != nullptr && record->owner() == owner_ ? record : nullptr;
  }
  /// The record as a span of one, or nothing.
  std::span<const PageEntry> entries_from(VirtAddr va) const {
    const PageEntry* const record = find(va);
    if (record == nullptr) return {};
    return {record, 1};
  }
  /// Its value, or an empty one. Other harts may change records meanwhile.
  PageEntry entry(VirtAddr va) const {
    const PageEntry* const record = PageRecords::find(va);
    const PageEntry entry = record != nullptr ? get(*record) : PageEntry{};
    return entry.owner() == owner_ ? entry : PageEntry{};
  }
  /// Becomes the owner of the page at `va`, whose frame the caller owns. Null if the page is not
  /// RAM or has another owner.
  PageEntry* ensure(VirtAddr va);

  static void fill(PageEntry* slot, PageEntry entry) {
    set(*slot, entry.with_owner(slot->owner()));
  }
  /// A page gets its contents once, from the caller that has mapped it.
  static bool fill_first(PageEntry*, PageEntry) { return false; }
  /// No page is mapped without a copy, so none has neighbours to map with it.
  static std::size_t fill_rest(std::span<PageEntry>, PageEntry) { return 0; }

  /// As for page tables: the end of the first part of [from, to) that has about `pages` pages.
  VirtAddr end_of_walk(VirtAddr from, VirtAddr to, std::size_t pages) const;

  /// Calls visit(va, PageEntry&) for every page in [from, to), in order.
  template <class Visit>
  void for_each(VirtAddr from, VirtAddr to, Visit&& visit) const {
    const VirtAddr end = std::min(to, end_);
    for (VirtAddr va = std::max(from, begin_); va < end; va += page_size) {
      if (PageEntry* const record = find(va); record != nullptr && !record->empty())
        visit(va, *record);
    }
  }
  /// Whether a page in [from, to) has an entry.
  bool has_used(VirtAddr from, VirtAddr to) const {
    bool found = false;
    for_each(from, to, [&](VirtAddr, PageEntry&) { found = true; });
    return found;
  }
  static constexpr std::size_t table_bytes = page_size;
  /// Spaces are not copied.
  template <class Copy>
  bool copy_runs(OwnedPages&, VirtAddr, VirtAddr, Copy&&) {
    return false;
  }
  /// Calls take(va, run) for each page in [from, to), which is a run of its own. `take` empties the
  /// record and returns the number of pages. There are no tables to free, so the result is false.
  template <class Take>
  bool remove_runs(VirtAddr from, VirtAddr to, Take&& take) const {
    for_each(from, to, [&](VirtAddr va, PageEntry& record) {
      static_cast<void>(take(va, std::span{&record, 1}));
    });
    return false;
  }
  /// Like remove_runs(), but calls visit(va, entry) with the old entry.
  template <class Visit, class Release>
  bool remove(VirtAddr from, VirtAddr to, Visit&& visit, Release&&) const {
    for_each(from, to, [&](VirtAddr va, PageEntry& record) {
      const PageEntry old = record;
      set_relaxed(record, PageEntry{});
      visit(va, old);
    });
    return false;
  }

 private:
  OwnedPages(PageEntry::Owner owner, std::uint64_t number)
      : owner_{owner}, token_{number << 16 | owner} {}

  PageEntry::Owner owner_;
  TranslationToken token_;
  VirtAddr begin_ = user_end, end_ = 0;  // all pages lie in [begin_, end_)
};

/// The rest of the kernel calls it PageTable.
using PageTable = OwnedPages;

/// A hart that runs no program has nothing to leave.
inline void leave_user_space() {}

}  // namespace hal
