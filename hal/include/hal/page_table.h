// One address space as the machine sees it: which page is where and what may be done to it.
//
// A PageTable knows pages, not reasons: areas, sharing and copy-on-write are kernel/memory's. It
// keeps these invariants:
//   - the upper half is the same in all tables (install_kernel_half), never freed here;
//   - a table below the root exists only while it has entries, or `ensure` has just made it;
//   - nothing is both writable and executable for the kernel.
// The frames for tables come from the layer above through `table_frames`.
#pragma once

#include <hal/machine/page_entry.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace hal {

/// What page tables need from above. Defined by the kernel's frame allocator, and by tests.
namespace table_frames {

/// Bookkeeping for one table: how many entries are in use, and the range of indices they lie in
/// (never shrunk while the table lives). It makes walks over sparse tables short.
struct Note {
  std::uint16_t used;
  std::uint16_t first;
  std::uint16_t last;
};

/// A page of zeros, its note {0, 511, 0}; 0 when there is no memory.
PhysAddr allocate();
/// Takes back a page, which is all zeros again.
void release(PhysAddr table);
Note& note(PhysAddr table);

}  // namespace table_frames

class PageTable {
 public:
  /// An empty lower half under the installed kernel half; nothing when there is no memory.
  static std::optional<PageTable> create();

  PageTable(PageTable&& other) noexcept : root_(std::exchange(other.root_, 0)) {}
  PageTable& operator=(PageTable&& other) noexcept {
    std::swap(root_, other.root_);
    return *this;
  }
  /// Every page has been removed from the lower half before (see `remove`).
  ~PageTable();

  /// The value that selects this table, with `asid` naming its translations.
  TranslationToken token(Asid asid) const { return make_token(root_, asid); }

  /// The entry for `va`, or null where there is no table for it. Any lower-half address.
  PageEntry* find(VirtAddr va) const;
  /// The same, making the tables that lead to it; null when there is no memory for one.
  /// Fill the entry before anything else is removed: an empty table may be freed.
  PageEntry* ensure(VirtAddr va);

  /// `ensure` for many addresses in order: remembers the last table it went to. Good while nothing
  /// is removed.
  class Cursor {
   public:
    explicit Cursor(PageTable& table) : table_(table) {}
    PageEntry* ensure(VirtAddr va) {
      const VirtAddr start = va & ~(span_of(1) - 1);
      if (start != start_ || leaf_ == nullptr) {
        leaf_ = table_.ensure(start);
        start_ = start;
      }
      return leaf_ == nullptr ? nullptr : leaf_ + index_of(va, 0);
    }

   private:
    PageTable& table_;
    PageEntry* leaf_ = nullptr;
    VirtAddr start_ = 0;
  };

  /// Writes an entry that `find` or `ensure` gave. To empty one, use `remove`.
  static void fill(PageEntry* slot, PageEntry entry);

  /// Calls visit(va, PageEntry&) for every used entry of pages in [from, to), in order, skipping
  /// what has no tables. `visit` may change the entry but not empty it.
  template <class Visit>
  void for_each(VirtAddr from, VirtAddr to, Visit&& visit);

  /// Empties the entries of [from, to), gives each that was used to visit(va, PageEntry) and frees
  /// the tables that became empty. The caller flushes.
  template <class Visit>
  void remove(VirtAddr from, VirtAddr to, Visit&& visit);

  /// Maps kernel memory with the largest pages that fit; va, pa and bytes are whole pages. False
  /// when there is no memory, when something is mapped there already, or when it would be both
  /// writable and executable. For the boot map, before install_kernel_half.
  bool map_kernel(VirtAddr va, PhysAddr pa, std::size_t bytes, Access access);

  /// From now on `create` gives every table the upper half that this one has now. Tables below it
  /// are shared: later changes there are seen everywhere, new root entries are not.
  void install_kernel_half() const;

 private:
  static constexpr unsigned root_level = 2;
  static constexpr std::size_t entries = 512;
  static constexpr std::size_t bits_per_level = 9;

  /// Bytes that one entry of a table at `level` stands for.
  static constexpr std::size_t span_of(unsigned level) {
    return page_size << (bits_per_level * level);
  }
  static constexpr std::size_t index_of(VirtAddr va, unsigned level) {
    return va >> (page_shift + bits_per_level * level) & (entries - 1);
  }
  static PageEntry* table_at(PhysAddr table) { return phys_to_virt<PageEntry>(table); }

  explicit PageTable(PhysAddr root) : root_(root) {}

  static PageEntry* next_table(PageEntry* slot);
  template <class Each>
  static void each_used(PhysAddr table, unsigned level, VirtAddr from, VirtAddr to, Each&& each);
  template <class Visit>
  static void visit_table(PhysAddr table, unsigned level, VirtAddr from, VirtAddr to, Visit& visit);
  template <class Visit>
  static void remove_from(PhysAddr table, unsigned level, VirtAddr from, VirtAddr to, Visit& visit);

  PhysAddr root_;
};

// The two walks.

/// Calls each(va, end, PageEntry&) for the used entries of one table that [from, to) touches, each
/// with the part of [from, to) that is its own. Indices outside the table's note are not looked at.
template <class Each>
void PageTable::each_used(PhysAddr table, unsigned level, VirtAddr from, VirtAddr to, Each&& each) {
  const table_frames::Note note = table_frames::note(table);
  const std::size_t span = span_of(level);
  std::size_t index = index_of(from, level);
  const std::size_t last = std::min<std::size_t>(index_of(to - 1, level), note.last);
  if (index < note.first) {
    from = (from & ~(span_of(level + 1) - 1)) + note.first * span;
    index = note.first;
  }
  PageEntry* entry = table_at(table) + index;
  for (VirtAddr va = from; index <= last; ++index, ++entry) {
    const VirtAddr next = (va & ~(span - 1)) + span;
    if (!entry->empty()) each(va, std::min(next, to), *entry);
    va = next;
  }
}

template <class Visit>
void PageTable::visit_table(PhysAddr table, unsigned level, VirtAddr from, VirtAddr to,
                            Visit& visit) {
  each_used(table, level, from, to, [&](VirtAddr va, VirtAddr end, PageEntry& entry) {
    if (level == 0) {
      visit(va, entry);
    } else {
      visit_table(entry.address(), level - 1, va, end, visit);
    }
  });
}

template <class Visit>
void PageTable::remove_from(PhysAddr table, unsigned level, VirtAddr from, VirtAddr to,
                            Visit& visit) {
  std::uint16_t removed = 0;
  each_used(table, level, from, to, [&](VirtAddr va, VirtAddr end, PageEntry& entry) {
    const PageEntry old = entry;
    if (level > 0) {
      remove_from(old.address(), level - 1, va, end, visit);
      if (table_frames::note(old.address()).used != 0) return;
      table_frames::release(old.address());
    }
    entry = PageEntry{};
    ++removed;
    if (level == 0) visit(va, old);
  });
  table_frames::note(table).used -= removed;
}

template <class Visit>
void PageTable::for_each(VirtAddr from, VirtAddr to, Visit&& visit) {
  if (from < to) visit_table(root_, root_level, from, to, visit);
}

template <class Visit>
void PageTable::remove(VirtAddr from, VirtAddr to, Visit&& visit) {
  if (from < to) remove_from(root_, root_level, from, to, visit);
}

}  // namespace hal
