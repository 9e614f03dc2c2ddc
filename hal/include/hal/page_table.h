// One address space as the machine sees it: which page is where and what may be done to it.
//
// A PageTable knows pages, not reasons: areas, sharing and copy-on-write are kernel/memory's. It
// keeps these invariants:
//   - what programs cannot reach is the same in all tables (install_kernel_half), never freed here;
//   - a table below the root exists only while it has entries, or `ensure` has just made it;
//   - nothing is both writable and executable for the kernel.
// The frames for tables come from the layer above through `table_frames`.
#pragma once

#include <hal/machine/page_entry.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <utility>

namespace hal {

/// What page tables need from above. Defined by the kernel's frame allocator, and by tests.
namespace table_frames {

/// Bookkeeping for one table, which makes walks over sparse tables short: how many entries are in
/// use, and in which groups of 16 there has ever been one.
struct Note {
  std::uint32_t groups;
  std::uint32_t used;
};

/// A page of zeros with a note of zeros; 0 when there is no memory.
PhysAddr allocate();
/// Takes back a page, which is all zeros again.
void release(PhysAddr table);
Note& note(PhysAddr table);

}  // namespace table_frames

/// Why kernel memory cannot be mapped.
enum class MapError : std::uint8_t {
  no_memory,      ///< for a page table
  occupied,       ///< another page is mapped at the address
  writable_code,  ///< the page would be both writable and executable
};

constexpr std::string_view description(MapError error) {
  switch (error) {
    case MapError::no_memory: return "no memory for a page table";
    case MapError::occupied: return "something else is mapped there";
    case MapError::writable_code: return "it would be both writable and executable";
  }
  std::unreachable();
}

class PageTable {
 public:
  /// An empty table, of which what programs cannot reach is the installed kernel half; nothing when
  /// there is no memory.
  static std::optional<PageTable> create();

  PageTable(PageTable&& other) noexcept
      : window_(other.window_), root_(std::exchange(other.root_, 0)) {}
  PageTable& operator=(PageTable&& other) noexcept {
    std::swap(window_, other.window_);
    std::swap(root_, other.root_);
    return *this;
  }
  /// Every page has been removed from the lower half before (see `remove`).
  ~PageTable();

  /// The addresses it is for.
  const UserWindow& window() const { return window_; }

  /// The value that selects this table, with `asid` naming its translations.
  TranslationToken token(Asid asid) const { return make_token(root_, asid); }

  /// The entry for `va`, or null where there is no table for it. Any address of the window.
  PageEntry* find(VirtAddr va) const {
    const PageEntry top = table_at(root_)[index_of(va, 2)];
    if (top.empty()) return nullptr;
    const PageEntry middle = table_at(top.address())[index_of(va, 1)];
    if (middle.empty()) return nullptr;
    return table_at(middle.address()) + index_of(va, 0);
  }
  /// The same, making the tables that lead to it; null when there is no memory for one.
  /// Fill the entry before anything else is removed: an empty table may be freed.
  PageEntry* ensure(VirtAddr va) {
    PageEntry* slot = find(va);
    return slot != nullptr ? slot : make(va);
  }

  /// Writes an entry that `find` or `ensure` gave. To empty one, use `remove`.
  static void fill(PageEntry* slot, PageEntry entry);

  /// Where a walk over [from, to) ends that takes in `pages` used entries or, because it goes by
  /// whole tables, hardly twice as many where they are few.
  VirtAddr end_of_walk(VirtAddr from, VirtAddr to, std::size_t pages) const;

  /// Calls visit(va, PageEntry&) for every used entry of pages in [from, to), in order, skipping
  /// what has no tables. `visit` may `set` the entry but not empty it.
  template <class Visit>
  void for_each(VirtAddr from, VirtAddr to, Visit&& visit);

  /// Fills another table, empty there so far, from the pages of [from, to), which may begin where a
  /// walk has ended: copy(va, PageEntry&) returns what the other gets, and may `set` the entry; an
  /// empty entry is left out. False when there was no memory for a table: some pages are then
  /// missing.
  template <class Copy>
  bool copy_pages(PageTable& other, VirtAddr from, VirtAddr to, Copy&& copy);

  /// Empties the entries of [from, to), gives each that was used to visit(va, PageEntry) and frees
  /// the tables that became empty. The caller flushes: the pages, or, when this returns true, the
  /// whole space, because a hart may remember a table that is gone.
  template <class Visit>
  bool remove(VirtAddr from, VirtAddr to, Visit&& visit);

  /// Maps kernel memory with the largest pages that fit; va, pa and bytes are whole pages. After an
  /// error some of the pages may be mapped. For the boot map, before install_kernel_half.
  std::expected<void, MapError> map_kernel(VirtAddr va, PhysAddr pa, std::size_t bytes,
                                           Access access);

  /// From now on `create` gives every table what this one has at `from` and above. Tables below the
  /// root are shared: later changes there are seen everywhere, new root entries are not. This table
  /// stays for ever: a hart whose own table goes falls back to it.
  void install_kernel_half(VirtAddr from) const;

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

  PageTable(PhysAddr root, UserWindow window) : window_(window), root_(root) {}

  static PageEntry* next_used(PageEntry* entry, const PageEntry* end) {
    while (entry != end && entry->empty()) ++entry;
    return entry;
  }
  static PageEntry* next_table(PageEntry* slot);
  PageEntry* make(VirtAddr va);

  template <unsigned level, class Each>
  static void each_used(PhysAddr table, VirtAddr from, VirtAddr to, Each&& each);
  template <unsigned level, class Each>
  static void each_leaf_table(PhysAddr table, VirtAddr from, VirtAddr to, Each&& each);
  template <unsigned level, class Visit>
  [[gnu::noinline]] static bool remove_from(PhysAddr table, VirtAddr from, VirtAddr to,
                                            Visit& visit);

  [[no_unique_address]] UserWindow window_;
  PhysAddr root_;
};

// ── The walks. Their levels are template arguments, so that each becomes a nest of three loops.
// ────

/// Calls each(va, end, PageEntry&) for the used entries of one table that [from, to) touches, each
/// with the part of [from, to) that is its own.
template <unsigned level, class Each>
void PageTable::each_used(PhysAddr table, VirtAddr from, VirtAddr to, Each&& each) {
  constexpr std::size_t group = 16, span = span_of(level);
  const std::size_t first = index_of(from, level), last = index_of(to - 1, level);
  if (first == last) {
    PageEntry& entry = table_at(table)[first];
    if (!entry.empty()) each(from, to, entry);
    return;
  }
  const VirtAddr base = from & ~(span_of(level + 1) - 1);
  PageEntry* const entries_of_table = table_at(table);
  std::uint32_t groups = table_frames::note(table).groups;
  groups &= ~std::uint32_t{0} << first / group;
  groups &= ~std::uint32_t{0} >> (entries / group - 1 - last / group);
  for (; groups != 0; groups &= groups - 1) {
    const std::size_t start = static_cast<std::size_t>(std::countr_zero(groups)) * group;
    PageEntry* entry = entries_of_table + std::max(first, start);
    PageEntry* const end = entries_of_table + std::min(last + 1, start + group);
    for (entry = next_used(entry, end); entry != end; entry = next_used(entry + 1, end)) {
      const VirtAddr va = base + static_cast<std::size_t>(entry - entries_of_table) * span;
      each(std::max(va, from), std::min(va + span, to), *entry);
    }
  }
}

/// Calls each(table, from, to) for the tables of pages, each with its part of [from, to).
template <unsigned level, class Each>
void PageTable::each_leaf_table(PhysAddr table, VirtAddr from, VirtAddr to, Each&& each) {
  if constexpr (level == 0) {
    each(table, from, to);
  } else {
    each_used<level>(table, from, to, [&](VirtAddr va, VirtAddr end, PageEntry& entry) {
      each_leaf_table<level - 1>(entry.address(), va, end, each);
    });
  }
}

template <class Visit>
void PageTable::for_each(VirtAddr from, VirtAddr to, Visit&& visit) {
  if (from >= to) return;
  each_leaf_table<root_level>(root_, from, to, [&](PhysAddr table, VirtAddr start, VirtAddr end) {
    each_used<0>(table, start, end,
                 [&](VirtAddr va, VirtAddr, PageEntry& entry) { visit(va, entry); });
  });
}

template <class Copy>
bool PageTable::copy_pages(PageTable& other, VirtAddr from, VirtAddr to, Copy&& copy) {
  bool complete = true;
  each_leaf_table<root_level>(root_, from, to, [&](PhysAddr table, VirtAddr start, VirtAddr end) {
    PageEntry* const target = other.ensure(start & ~(span_of(1) - 1));
    complete = complete && target != nullptr;
    if (!complete) return;
    std::uint32_t copied = 0;
    each_used<0>(table, start, end, [&](VirtAddr va, VirtAddr, PageEntry& entry) {
      const PageEntry theirs = copy(va, entry);
      target[index_of(va, 0)] = theirs;
      copied += !theirs.empty();
    });
    table_frames::note(virt_to_phys(target)) = {.groups = table_frames::note(table).groups,
                                                .used = copied};
  });
  return complete;
}

template <unsigned level, class Visit>
bool PageTable::remove_from(PhysAddr table, VirtAddr from, VirtAddr to, Visit& visit) {
  bool tables_freed = false;
  std::uint32_t removed = 0;
  each_used<level>(table, from, to, [&](VirtAddr va, VirtAddr end, PageEntry& entry) {
    const PageEntry old = entry;
    if constexpr (level > 0) {
      tables_freed |= remove_from<level - 1>(old.address(), va, end, visit);
      if (table_frames::note(old.address()).used != 0) return;
      table_frames::release(old.address());
      tables_freed = true;
    }
    set(entry, PageEntry{});
    ++removed;
    if constexpr (level == 0) visit(va, old);
  });
  table_frames::note(table).used -= removed;
  return tables_freed;
}

template <class Visit>
bool PageTable::remove(VirtAddr from, VirtAddr to, Visit&& visit) {
  return from < to && remove_from<root_level>(root_, from, to, visit);
}

/// This hart translates by the kernel's own table from now on.
void leave_user_space();

}  // namespace hal
