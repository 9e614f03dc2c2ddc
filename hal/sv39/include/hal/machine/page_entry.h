// One entry of an Sv39 page table (RISC-V privileged specification, "Page table entries").
//
//   63      54 53                10 9 8 7 6 5 4 3 2 1 0
//   | reserved | physical page number | software | D A G U X W R V |
//
// The two software bits: `borrowed`, the frame is not reference-counted (the boot archive's);
// `parked`, the page keeps its frame but V is clear, so every access faults (PROT_NONE).
#pragma once

#include <hal/access.h>
#include <hal/machine/table_levels.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>

namespace hal {

/// The highest level whose entries can map pages.
constexpr unsigned largest_page_level() {
  return 2;
}

/// The values of Access, shifted left by one, are R, W and X.
class PageEntry {
 public:
  constexpr PageEntry() = default;

  /// A user page on `frame`; parked if `access` is none.
  static constexpr PageEntry page(PhysAddr frame, Access access) {
    return PageEntry(frame >> 2 | (access == Access::none ? parked_bit : rights(access) | user));
  }
  /// A user page on a frame that is not reference-counted.
  static constexpr PageEntry borrowed_page(PhysAddr frame, Access access) {
    return PageEntry(page(frame, access).bits_ | borrowed_bit);
  }
  /// A kernel page of any size, the same in all spaces. The entry is the same on every level.
  static constexpr PageEntry global_page(PhysAddr frame, Access access, unsigned /*level*/ = 0) {
    return PageEntry(frame >> 2 | rights(access) | global);
  }
  static constexpr PageEntry table(PhysAddr table) { return PageEntry(table >> 2 | valid); }

  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool present() const { return (bits_ & valid) != 0; }
  constexpr bool borrowed() const { return (bits_ & borrowed_bit) != 0; }
  constexpr bool is_table() const { return (bits_ & (valid | leaf)) == valid; }
  /// The physical address of the frame or table.
  constexpr PhysAddr address() const { return (bits_ & number_mask) << 2; }
  constexpr Access access() const { return static_cast<Access>((bits_ & leaf) >> 1); }
  /// Whether a program may access the page in all the ways of `wanted`.
  constexpr bool allows(Access wanted) const {
    const std::uint64_t needed = static_cast<std::uint64_t>(wanted) << 1 | valid | user;
    return (bits_ & needed) == needed;
  }
  /// The same user page with other rights.
  constexpr PageEntry with(Access access) const {
    return PageEntry(page(address(), access).bits_ | (bits_ & borrowed_bit));
  }
  /// The same with the next frame, whose address is `page_size` larger.
  constexpr PageEntry next() const { return PageEntry(bits_ + (page_size >> 2)); }
  /// The same page without the right to write.
  constexpr PageEntry read_only() const { return PageEntry(bits_ & ~write_bit); }

  friend constexpr bool operator==(PageEntry, PageEntry) = default;

 private:
  static constexpr std::uint64_t valid = 1 << 0;
  static constexpr std::uint64_t read_bit = 1 << 1;
  static constexpr std::uint64_t write_bit = 1 << 2;
  static constexpr std::uint64_t leaf = 7 << 1;
  static constexpr std::uint64_t user = 1 << 4;
  static constexpr std::uint64_t global = 1 << 5;
  static constexpr std::uint64_t accessed_dirty = 3 << 6;  // always set: harts need not update them
  static constexpr std::uint64_t borrowed_bit = 1 << 8;
  static constexpr std::uint64_t parked_bit = 1 << 9;
  static constexpr std::uint64_t number_mask = ((std::uint64_t{1} << 44) - 1) << 10;

  /// The bits for `access`. Write includes read, because Sv39 reserves write without read.
  static constexpr std::uint64_t rights(Access access) {
    const auto bits = static_cast<std::uint64_t>(access) << 1;
    return bits | (bits & write_bit) >> 1 | valid | accessed_dirty;
  }

  explicit constexpr PageEntry(std::uint64_t bits) : bits_(bits) {}

  std::uint64_t bits_ = 0;
};
static_assert(sizeof(PageEntry) == 8);

constexpr TranslationToken make_token(PhysAddr root, Asid asid) {
  constexpr std::uint64_t sv39 = 8;
  return sv39 << 60 | std::uint64_t{asid} << 44 | root >> page_shift;
}

constexpr PhysAddr root_of(TranslationToken token) {
  return (token & ((TranslationToken{1} << 44) - 1)) << page_shift;
}

constexpr TranslationToken without_asid(TranslationToken token) {
  return token & ~(TranslationToken{0xffff} << 44);
}

}  // namespace hal
