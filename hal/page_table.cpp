// Finds entries in page tables, and makes and destroys tables.
#include <hal/page_table.h>

#include <algorithm>
#include <array>
#include <span>

namespace hal {
namespace {

// The root entries of the kernel's half, as indices into the installed root. They are few, and
// every new table gets a copy.
constexpr std::size_t first_kernel_entry = 256;
constinit PhysAddr kernel_root = 0;
constinit std::array<std::uint16_t, 512 - first_kernel_entry> kernel_entries{};
constinit std::size_t kernel_entry_count = 0;

std::span<const std::uint16_t> shared_entries() {
  return std::span{kernel_entries}.first(kernel_entry_count);
}

}  // namespace

std::optional<PageTable> PageTable::create() {
  const PhysAddr root = table_frames::allocate();
  if (root == 0) return std::nullopt;
  const std::optional<UserRange> range = UserRange::take(root);
  if (!range) {
    table_frames::release(root);
    return std::nullopt;
  }
  if (kernel_root != 0) {
    const PageEntry* from = table_at(kernel_root);
    PageEntry* to = table_at(root);
    for (const std::size_t i : shared_entries()) to[i] = from[i];
  }
  return PageTable(root, *range);
}

PageTable::~PageTable() {
  if (root_ == 0) return;
  // This hart may still use the table: switch to the kernel's.
  if (make_token(root_, 0) == without_asid(current_translation())) {
    set_translation(make_token(kernel_root, 0));
  }
  user_range_.give_back();
  PageEntry* table = table_at(root_);
  for (const std::size_t i : shared_entries()) table[i] = PageEntry{};
  table_frames::release(root_);
}

void leave_user_space() {
  set_translation(make_token(kernel_root, 0));
}

void PageTable::install_kernel_half(VirtAddr from) const {
  const PageEntry* table = table_at(root_);
  kernel_root = root_;
  kernel_entry_count = 0;
  for (std::size_t i = std::max(first_kernel_entry, index_of(from, root_level)); i < entries; ++i) {
    if (!table[i].empty()) kernel_entries[kernel_entry_count++] = static_cast<std::uint16_t>(i);
  }
}

bool PageTable::fill_first(PageEntry* slot, PageEntry entry) {
  if (!set_if_empty(*slot, entry)) return false;
  const auto [note, group_number] = note_of(slot);
  const std::uint32_t group_bit = std::uint32_t{1} << group_number;
  if ((__atomic_load_n(&note.groups, __ATOMIC_RELAXED) & group_bit) == 0)
    __atomic_fetch_or(&note.groups, group_bit, __ATOMIC_RELAXED);
  __atomic_fetch_add(&note.used, 1, __ATOMIC_RELAXED);
  return true;
}

PageEntry* PageTable::next_table(PageEntry* slot) {
  if (slot->empty()) {
    const PhysAddr table = table_frames::allocate();
    if (table == 0) return nullptr;
    fill(slot, PageEntry::table(table));
  }
  return table_at(slot->address());
}

// The part of `ensure` that makes missing tables.
PageEntry* PageTable::make(VirtAddr va) {
  PageEntry* slot = table_at(root_) + index_of(va, root_level);
#pragma clang loop unroll(full)
  for (unsigned level = root_level; level-- != 0;) {
    PageEntry* const table = next_table(slot);
    if (table == nullptr) return nullptr;
    slot = table + index_of(va, level);
  }
  return slot;
}

VirtAddr PageTable::end_of_walk(VirtAddr from, VirtAddr to, std::size_t pages) const {
  std::size_t seen = 0;
  for (VirtAddr va = from; va < to;) {
    PhysAddr table = root_;
    unsigned level = root_level;
    PageEntry entry = table_at(table)[index_of(va, level)];
#pragma clang loop unroll(full)
    for (; level > 1 && !entry.empty(); entry = table_at(table)[index_of(va, level)]) {
      table = entry.address();
      --level;
    }
    std::size_t span = span_of(level);
    if (!entry.empty()) {
      const std::size_t used = table_frames::note(entry.address()).used;
      if (seen != 0 && seen + used > entries) return va;
      seen += used;
    } else if ((table_frames::note(table).groups >> index_of(va, level) / group & 1) == 0) {
      span *= group;
    }
    va = (va | (span - 1)) + 1;
    if (seen >= pages) return std::min(va, to);
  }
  return to;
}

std::expected<void, MapError> PageTable::map_kernel(VirtAddr va, PhysAddr pa, std::size_t bytes,
                                                    Access access) {
  if (allows(access, Access::write | Access::execute)) {
    return std::unexpected(MapError::writable_code);
  }
  while (bytes != 0) {
    PageEntry* table = table_at(root_);
    unsigned level = root_level;
    // Go down to the level whose pages fit, or further if a table already exists there.
    auto fits = [&] {
      return level <= largest_page_level() && ((va | pa) & (span_of(level) - 1)) == 0 &&
             bytes >= span_of(level);
    };
    while (level > 0 && (!fits() || table[index_of(va, level)].is_table())) {
      PageEntry* slot = table + index_of(va, level);
      if (!slot->empty() && !slot->is_table()) return std::unexpected(MapError::occupied);
      table = next_table(slot);
      if (table == nullptr) return std::unexpected(MapError::no_memory);
      --level;
    }
    PageEntry* slot = table + index_of(va, level);
    if (!slot->empty()) return std::unexpected(MapError::occupied);
    fill(slot, PageEntry::global_page(pa, access, level));
    va += span_of(level);
    pa += span_of(level);
    bytes -= span_of(level);
  }
  return {};
}

}  // namespace hal
