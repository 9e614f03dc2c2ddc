// Where programs are on machines on which every space has all addresses of the lower half to
// itself.
#pragma once

#include <hal/memory_map.h>

#include <optional>

namespace hal {

inline constexpr VirtAddr user_begin = page_size;
inline constexpr VirtAddr lower_half_end = 0x40'0000'0000;
inline constexpr VirtAddr user_end = lower_half_end - 2 * page_size;
inline constexpr std::size_t user_bytes = user_end;

/// The addresses that one page table is for, as programs see them: each space has all of them to
/// itself.
struct UserWindow {
  static constexpr VirtAddr origin() { return 0; }  ///< programs are laid out from here
  static constexpr VirtAddr begin() { return user_begin; }
  static constexpr VirtAddr end() { return user_end; }
  /// What only a walk of the table has to know: below the begin there never is a page.
  static constexpr bool may_have(VirtAddr va) { return va < user_end; }

  /// One for a new table; nothing when there is none left.
  static constexpr std::optional<UserWindow> take(PhysAddr) { return UserWindow{}; }
  static constexpr void give_back() {}
};

}  // namespace hal
