// One entry of a page table with four levels (Intel SDM, volume 3, "4-Level Paging").
//
//   63 62    52 51                12 11  10  9  8 7 6 5 4   3   2 1 0
//   XD | unused | physical page number | software | G S D A PCD PWT U W P
//
// S: an entry above the lowest level maps a page. XD forbids execution.
// The three software bits: `borrowed`, the frame is not reference-counted (the boot archive's);
// `parked`, the page keeps its frame but P is clear, so every access faults (PROT_NONE); `is_leaf`,
// the entry maps a page, on any level.
#pragma once

#include <hal/access.h>
#include <hal/machine/table_levels.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>

namespace hal {

namespace pc {

/// 2 if the processor has pages of 1 GiB, else 1. Set at boot, the same for all harts.
inline constinit unsigned largest_page_level = 1;

}  // namespace pc

/// The highest level whose entries can map pages.
inline unsigned largest_page_level() {
  return pc::largest_page_level;
}

class PageEntry {
 public:
  constexpr PageEntry() = default;

  /// A user page on `frame`; parked if `access` is none.
  static constexpr PageEntry page(PhysAddr frame, Access access) {
    return PageEntry(frame | is_leaf |
                     (access == Access::none ? parked_bit : rights(access) | user));
  }
  /// A user page on a frame that is not reference-counted.
  static constexpr PageEntry borrowed_page(PhysAddr frame, Access access) {
    return PageEntry(page(frame, access).bits_ | borrowed_bit);
  }
  /// A kernel page of any size, the same in all spaces. `level`: that of the entry.
  static constexpr PageEntry global_page(PhysAddr frame, Access access, unsigned level = 0) {
    return PageEntry(frame | is_leaf | rights(access) | global | (level != 0 ? large : 0));
  }
  /// The entries of lower tables decide about accesses.
  static constexpr PageEntry table(PhysAddr table) {
    return PageEntry(table | present_bit | write_bit | user | accessed);
  }

  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool present() const { return (bits_ & present_bit) != 0; }
  constexpr bool borrowed() const { return (bits_ & borrowed_bit) != 0; }
  constexpr bool is_table() const { return (bits_ & (present_bit | is_leaf)) == present_bit; }
  /// The physical address of the frame or table.
  constexpr PhysAddr address() const { return bits_ & address_mask; }
  constexpr Access access() const {
    if (!present()) return Access::none;
    const auto executes = (bits_ & no_execute) == 0 ? Access::execute : Access::none;
    return Access::read | ((bits_ & write_bit) != 0 ? Access::write : Access::none) | executes;
  }
  /// Whether a program may access the page in all the ways of `wanted`.
  constexpr bool allows(Access wanted) const {
    return (bits_ & (present_bit | user)) == (present_bit | user) && hal::allows(access(), wanted);
  }
  /// The same user page with other rights.
  constexpr PageEntry with(Access access) const {
    return PageEntry(page(address(), access).bits_ | (bits_ & borrowed_bit));
  }
  /// The same with the next frame, whose address is `page_size` larger.
  constexpr PageEntry next() const { return PageEntry(bits_ + page_size); }
  /// The same page without the right to write.
  constexpr PageEntry read_only() const { return PageEntry(bits_ & ~write_bit); }

  friend constexpr bool operator==(PageEntry, PageEntry) = default;

 private:
  static constexpr std::uint64_t present_bit = 1 << 0;
  static constexpr std::uint64_t write_bit = 1 << 1;
  static constexpr std::uint64_t user = 1 << 2;
  static constexpr std::uint64_t accessed = 1 << 5;
  static constexpr std::uint64_t dirty = 1 << 6;
  static constexpr std::uint64_t large = 1 << 7;
  static constexpr std::uint64_t global = 1 << 8;
  static constexpr std::uint64_t borrowed_bit = 1 << 9;
  static constexpr std::uint64_t parked_bit = 1 << 10;
  static constexpr std::uint64_t is_leaf = 1 << 11;
  static constexpr std::uint64_t no_execute = std::uint64_t{1} << 63;
  static constexpr std::uint64_t address_mask = ((std::uint64_t{1} << 40) - 1) << 12;

  /// The bits for `access`. A present page can always be read. The processor need not set
  /// `accessed` and `dirty`, as they are always set.
  static constexpr std::uint64_t rights(Access access) {
    return present_bit | accessed | dirty | (hal::allows(access, Access::write) ? write_bit : 0) |
           (hal::allows(access, Access::execute) ? 0 : no_execute);
  }

  explicit constexpr PageEntry(std::uint64_t bits) : bits_(bits) {}

  std::uint64_t bits_ = 0;
};
static_assert(sizeof(PageEntry) == 8);

constexpr TranslationToken make_token(PhysAddr root, Asid asid) {
  return root | asid;
}

constexpr PhysAddr root_of(TranslationToken token) {
  return page_down(token);
}

constexpr TranslationToken without_asid(TranslationToken token) {
  return page_down(token);
}

}  // namespace hal
