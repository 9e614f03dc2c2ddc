// The page table of one address space: which frame each page has, and its access rights.
//
// A PageTable does not know why a page is mapped: areas, sharing and copy-on-write belong to
// kernel/memory.
// Invariants:
//   - All tables share the kernel's part (install_kernel_half); a PageTable never frees it.
//   - A table below the root has a used entry, except for a table that `ensure` has just made.
//   - No page is both writable and executable for the kernel.
// The layer above supplies the frames for tables through `table_frames`.
#pragma once

#include <hal/entry_access.h>
#include <hal/machine/page_entry.h>
#include <hal/machine/translation.h>
#include <hal/map_error.h>
#include <hal/memory_map.h>
#include <hal/table_frames.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <utility>

namespace hal {

class PageTable {
 public:
  /// An empty table that shares the installed kernel half; nothing if there is no memory.
  static std::optional<PageTable> create();

  PageTable(PageTable&& other) noexcept
      : user_range_(other.user_range_), root_(std::exchange(other.root_, 0)) {}
  PageTable& operator=(PageTable&& other) noexcept {
    std::swap(user_range_, other.user_range_);
    std::swap(root_, other.root_);
    return *this;
  }
  /// The caller has removed all user pages before (see `remove`).
  ~PageTable();

  /// The user range of this table.
  const UserRange& user_range() const { return user_range_; }

  /// The value that selects this table. `asid` tags its translations in the TLB.
  TranslationToken token(Asid asid) const { return make_token(root_, asid); }

  /// The entry for `va`, which is in the user range; null if there is no table for it.
  PageEntry* find(VirtAddr va) const {
    return find_or(va, [] { return static_cast<PageEntry*>(nullptr); });
  }
  /// The entries for the page of `va` and the pages behind it, up to the end of their table.
  /// Nothing: there is no table for `va`.
  std::span<const PageEntry> entries_from(VirtAddr va) const {
    const PageEntry* const slot = find(va);
    if (slot == nullptr) return {};
    return {slot, entries - index_of(va, 0)};
  }
  /// The entry for `va`, or an empty one. Other harts may add entries meanwhile; they free no
  /// table.
  PageEntry entry(VirtAddr va) const {
    const PageEntry* table = table_at(root_);
    for (unsigned level = root_level; level != 0; --level) {
      const PageEntry entry = get(table[index_of(va, level)]);
      if (entry.empty()) return {};
      table = table_at(entry.address());
    }
    return get(table[index_of(va, 0)]);
  }
  /// Like find(), but makes the missing tables; null if there is no memory for them. Fill the entry
  /// before you call remove(), which may free an empty table.
  PageEntry* ensure(VirtAddr va) {
    return find_or(va, [&] { return make(va); });
  }

  /// Writes to an entry that `find` or `ensure` returned. To empty an entry, use `remove`.
  static void fill(PageEntry* slot, PageEntry entry);
  /// Like fill(), for an empty entry that other harts may fill at the same time. Returns false if
  /// another one was faster. No hart may change the table in other ways meanwhile.
  static bool fill_first(PageEntry* slot, PageEntry entry);
  /// The entries of a table are in groups of this number of adjacent pages. An aligned range of so
  /// many pages has its entries in one group.
  static constexpr std::size_t group = 16;
  /// Fills the empty entries of `run`, which is in one table: run[i] with `first`, but the frame
  /// that is i frames further. Returns how many it has filled.
  static std::size_t fill_rest(std::span<PageEntry> run, PageEntry first);

  /// Returns the end of the first part of a long walk: the part [from, end) has about `pages` used
  /// entries, or `end` is `to`. The end is a table boundary. A part has at least one table, and no
  /// more entries than one table can have.
  VirtAddr end_of_walk(VirtAddr from, VirtAddr to, std::size_t pages) const;

  /// Calls visit(va, PageEntry&) for every used entry in [from, to), in order. `visit` may `set`
  /// the entry but not empty it.
  template <class Visit>
  void for_each(VirtAddr from, VirtAddr to, Visit&& visit);
  /// Whether [from, to) has a used entry.
  bool has_used(VirtAddr from, VirtAddr to) const;
  /// The bytes that one table of the lowest level maps.
  static constexpr std::size_t table_bytes = page_size << 9;

  /// Copies pages of [from, to) into `other`, which has no pages there. To copy in parts, split the
  /// range only at ends that end_of_walk() returned. Calls copy(va, run, target) for runs
  /// that include all used entries. `run` is a span of this table's entries from `va` on. `target`
  /// points to the entries of `other` for the same pages; they are empty. `copy` fills entries of
  /// `target`, returns how many, and may `set` the used entries of `run`. Returns false if there
  /// was no memory for a table: then some pages are missing.
  template <class Copy>
  bool copy_runs(PageTable& other, VirtAddr from, VirtAddr to, Copy&& copy);

  /// Empties the entries in [from, to), calls visit(va, PageEntry) for each used one, and calls
  /// release(PhysAddr) for tables that become empty; by default it frees them. The caller then
  /// flushes the pages. If this returns true, the caller flushes the whole space, because a hart
  /// may have cached a released table.
  template <class Visit, class Release = void(PhysAddr)>
  bool remove(VirtAddr from, VirtAddr to, Visit&& visit, Release&& release = table_frames::release);
  /// Like remove(), but calls take(va, run) for runs of entries that include all used ones. `take`
  /// empties the used entries of the span `run` with set_relaxed() and returns how many. Frees
  /// tables that become empty.
  template <class Take>
  bool remove_runs(VirtAddr from, VirtAddr to, Take&& take);

  /// Maps kernel memory with the largest pages that fit; va, pa and bytes are multiples of
  /// page_size. After an error a part may be mapped. Call it before install_kernel_half.
  std::expected<void, MapError> map_kernel(VirtAddr va, PhysAddr pa, std::size_t bytes,
                                           Access access);

  /// Makes this the kernel's table: `create` copies its root entries from `from` on. Tables below
  /// the root are shared, so later changes there apply to all spaces; new root entries do not. This
  /// table must never be destroyed: a hart switches to it when its own table is destroyed.
  void install_kernel_half(VirtAddr from) const;

 private:
  static constexpr unsigned root_level = page_table_levels - 1;
  static constexpr std::size_t entries = 512;
  static constexpr std::size_t group_bytes = group * sizeof(PageEntry);  // one bit of Note::groups
  static constexpr std::size_t bits_per_level = 9;

  /// The bytes that one entry of a table at `level` maps.
  static constexpr std::size_t span_of(unsigned level) {
    return page_size << (bits_per_level * level);
  }
  static constexpr std::size_t index_of(VirtAddr va, unsigned level) {
    return va >> (page_shift + bits_per_level * level) & (entries - 1);
  }
  /// The entry for `va`; if one of its tables is missing, what `missing()` returns.
  PageEntry* find_or(VirtAddr va, auto missing) const {
    PageEntry* table = table_at(root_);
    for (unsigned level = root_level; level != 0; --level) {
      const PageEntry entry = table[index_of(va, level)];
      if (entry.empty()) return missing();
      table = table_at(entry.address());
    }
    return table + index_of(va, 0);
  }
  static PageEntry* table_at(PhysAddr table) { return phys_to_virt<PageEntry>(table); }

  PageTable(PhysAddr root, UserRange range) : user_range_(range), root_(root) {}

  static PageEntry* next_used(PageEntry* entry, const PageEntry* end) {
    while (entry != end && entry->empty()) ++entry;
    return entry;
  }
  static PageEntry* next_table(PageEntry* slot);
  PageEntry* make(VirtAddr va);

  /// The note of the table that has the entry, and the number of the entry's group.
  struct NoteOfEntry {
    table_frames::Note& note;
    std::size_t group_number;
  };
  static NoteOfEntry note_of(const PageEntry* slot) {
    const PhysAddr address = virt_to_phys(slot);
    return {table_frames::note(page_down(address)), address % page_size / group_bytes};
  }

  static std::uint32_t used_groups(PhysAddr table, std::size_t first, std::size_t last);
  template <unsigned level, class Each>
  static void each_used(PhysAddr table, VirtAddr from, VirtAddr to, Each&& each);
  template <class Each>
  static void each_run(PhysAddr table, VirtAddr from, VirtAddr to, Each&& each);
  template <unsigned level, class Each>
  static void each_leaf_table(PhysAddr table, VirtAddr from, VirtAddr to, Each&& each);
  template <unsigned level, class Take, class Release>
  [[gnu::noinline]] static bool remove_from(PhysAddr table, VirtAddr from, VirtAddr to, Take& take,
                                            Release& release);

  [[no_unique_address]] UserRange user_range_;
  PhysAddr root_;
};

// ── Walks. The level is a template argument, so each walk compiles to one loop for each level. ──

/// The groups of `table` that have been used and have an entry between `first` and `last`.
inline std::uint32_t PageTable::used_groups(PhysAddr table, std::size_t first, std::size_t last) {
  std::uint32_t groups = table_frames::note(table).groups;
  groups &= ~std::uint32_t{0} << first / group;
  groups &= ~std::uint32_t{0} >> (entries / group - 1 - last / group);
  return groups;
}

/// Calls each(va, end, PageEntry&) for the used entries of one table in [from, to). [va, end) is
/// the part of [from, to) that the entry maps.
template <unsigned level, class Each>
void PageTable::each_used(PhysAddr table, VirtAddr from, VirtAddr to, Each&& each) {
  constexpr std::size_t span = span_of(level);
  const std::size_t first = index_of(from, level), last = index_of(to - 1, level);
  if (first == last) {
    PageEntry& entry = table_at(table)[first];
    if (!entry.empty()) each(from, to, entry);
    return;
  }
  const VirtAddr base = from & ~(span_of(level + 1) - 1);
  PageEntry* const entries_of_table = table_at(table);
  std::uint32_t groups = used_groups(table, first, last);
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

/// Calls each(va, run) for runs of entries of a leaf table in [from, to) that include all used
/// ones. The run begins with the entry for `va`. Adjacent groups make one run.
template <class Each>
void PageTable::each_run(PhysAddr table, VirtAddr from, VirtAddr to, Each&& each) {
  const std::size_t first = index_of(from, 0), last = index_of(to - 1, 0);
  const VirtAddr base = from & ~(span_of(1) - 1);
  for (std::uint64_t groups = used_groups(table, first, last); groups != 0;) {
    const auto start_group = static_cast<std::size_t>(std::countr_zero(groups));
    std::size_t end_group = start_group + 1;
    while ((groups >> end_group & 1) != 0) ++end_group;
    groups &= ~std::uint64_t{0} << end_group;
    const std::size_t start = std::max(first, start_group * group);
    const std::size_t end = std::min(last + 1, end_group * group);
    each(base + start * page_size, std::span{table_at(table) + start, end - start});
  }
}

/// Calls each(table, from, to) for each table of the lowest level, with its part of [from, to).
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

inline bool PageTable::has_used(VirtAddr from, VirtAddr to) const {
  if (from >= to) return false;
  bool found = false;
  each_leaf_table<root_level>(root_, from, to, [&](PhysAddr table, VirtAddr start, VirtAddr end) {
    if (found) return;
    each_run(table, start, end, [&](VirtAddr, std::span<PageEntry> run) {
      PageEntry* const end_of_run = run.data() + run.size();
      found = found || next_used(run.data(), end_of_run) != end_of_run;
    });
  });
  return found;
}

template <class Copy>
bool PageTable::copy_runs(PageTable& other, VirtAddr from, VirtAddr to, Copy&& copy) {
  bool complete = true;
  each_leaf_table<root_level>(root_, from, to, [&](PhysAddr table, VirtAddr start, VirtAddr end) {
    PageEntry* const target = other.ensure(start & ~(span_of(1) - 1));
    complete = complete && target != nullptr;
    if (!complete) return;
    std::size_t copied = 0;
    each_run(table, start, end, [&](VirtAddr va, std::span<PageEntry> run) {
      copied += copy(va, run, target + index_of(va, 0));
    });
    table_frames::note(virt_to_phys(target)) = {.groups = table_frames::note(table).groups,
                                                .used = static_cast<std::uint32_t>(copied)};
  });
  return complete;
}

template <unsigned level, class Take, class Release>
bool PageTable::remove_from(PhysAddr table, VirtAddr from, VirtAddr to, Take& take,
                            Release& release) {
  bool tables_freed = false;
  std::size_t removed = 0;
  if constexpr (level == 0) {
    each_run(table, from, to,
             [&](VirtAddr va, std::span<PageEntry> run) { removed += take(va, run); });
  } else {
    each_used<level>(table, from, to, [&](VirtAddr va, VirtAddr end, PageEntry& entry) {
      const PhysAddr lower = entry.address();
      tables_freed |= remove_from<level - 1>(lower, va, end, take, release);
      if (table_frames::note(lower).used != 0) return;
      release(lower);
      tables_freed = true;
      set_relaxed(entry, PageEntry{});
      ++removed;
    });
  }
  table_frames::note(table).used -= static_cast<std::uint32_t>(removed);
  return tables_freed;
}

template <class Take>
bool PageTable::remove_runs(VirtAddr from, VirtAddr to, Take&& take) {
  return from < to && remove_from<root_level>(root_, from, to, take, table_frames::release);
}

template <class Visit, class Release>
bool PageTable::remove(VirtAddr from, VirtAddr to, Visit&& visit, Release&& release) {
  const auto take = [&](VirtAddr va, std::span<PageEntry> run) {
    std::size_t removed = 0;
    for (PageEntry& entry : run) {
      const PageEntry old = entry;
      if (!old.empty()) {
        set_relaxed(entry, PageEntry{});
        ++removed;
        visit(va, old);
      }
      va += page_size;
    }
    return removed;
  };
  return from < to && remove_from<root_level>(root_, from, to, take, release);
}

inline void PageTable::fill(PageEntry* slot, PageEntry entry) {
  const bool is_new = slot->empty();
  set(*slot, entry);
  if (!is_new) return;
  const auto [note, group_number] = note_of(slot);
  note.groups |= std::uint32_t{1} << group_number;
  ++note.used;
}

inline std::size_t PageTable::fill_rest(std::span<PageEntry> run, PageEntry first) {
  std::size_t filled = 0;
  __atomic_thread_fence(__ATOMIC_RELEASE);  // for all entries: see set()
  for (PageEntry& entry : run) {
    if (entry.empty()) {
      set_relaxed(entry, first);
      ++filled;
    }
    first = first.next();
  }
  if (filled == 0) return 0;
  const auto [note, first_group] = note_of(run.data());
  note.used += static_cast<std::uint32_t>(filled);
  const std::size_t start = reinterpret_cast<VirtAddr>(run.data()) % group_bytes;
  const std::size_t groups = (start + run.size_bytes() - 1) / group_bytes;
  note.groups |= ((std::uint32_t{2} << groups) - 1) << first_group;
  return filled;
}

/// Switches this hart to the kernel's own page table.
void leave_user_space();

}  // namespace hal
