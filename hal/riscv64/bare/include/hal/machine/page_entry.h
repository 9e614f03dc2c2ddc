// The record of one page of RAM that may belong to a program (hal/page_table.h).
//
//   63      48 47                 12     8   2 1 0
//   | owner  | frame number       | used | X W R |
#pragma once

#include <hal/access.h>
#include <hal/machine/translation.h>
#include <hal/memory_map.h>

namespace hal {

class PageEntry {
 public:
  using Owner = std::uint16_t;

  constexpr PageEntry() = default;

  /// A page of a program. Its owner is not set yet.
  static constexpr PageEntry page(PhysAddr frame, Access access) {
    return PageEntry(frame | used | static_cast<std::uint64_t>(access));
  }
  /// An empty record: the page belongs to `owner`, but has no contents yet.
  static constexpr PageEntry owned_by(Owner owner) {
    return PageEntry(std::uint64_t{owner} << owner_shift);
  }

  constexpr bool empty() const { return (bits_ & used) == 0; }
  constexpr bool has_owner() const { return owner() != 0; }
  constexpr Owner owner() const { return static_cast<Owner>(bits_ >> owner_shift); }
  constexpr PhysAddr address() const { return bits_ & frame_mask; }
  constexpr Access access() const { return static_cast<Access>(bits_ & rights); }
  /// Whether a program may access the page in all the ways of `wanted`.
  constexpr bool allows(Access wanted) const { return !empty() && hal::allows(access(), wanted); }
  /// The same page with other rights.
  constexpr PageEntry with(Access access) const {
    return PageEntry((bits_ & ~rights) | static_cast<std::uint64_t>(access));
  }
  constexpr PageEntry with_owner(Owner owner) const {
    return PageEntry(bits_ | std::uint64_t{owner} << owner_shift);
  }
  constexpr PageEntry read_only() const { return with(without(access(), Access::write)); }

  // No page lies in the boot archive, because a page has the address of its frame.
  static constexpr PageEntry borrowed_page(PhysAddr frame, Access access) {
    return page(frame, access);
  }
  static constexpr bool borrowed() { return false; }

  friend constexpr bool operator==(PageEntry, PageEntry) = default;

 private:
  static constexpr std::uint64_t rights = 7;
  static constexpr std::uint64_t used = 1 << 3;
  static constexpr unsigned owner_shift = 48;
  static constexpr std::uint64_t frame_mask = (std::uint64_t{1} << owner_shift) - page_size;

  explicit constexpr PageEntry(std::uint64_t bits) : bits_(bits) {}

  std::uint64_t bits_ = 0;
};
static_assert(sizeof(PageEntry) == 8);

}  // namespace hal
