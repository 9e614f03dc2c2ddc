// The user range on machines where every address space has the whole lower half. The machine's
// memory_map.h includes it.
#pragma once

#include <hal/machine/table_levels.h>
#include <hal/memory_map.h>

#include <optional>

namespace hal {

inline constexpr VirtAddr user_begin = page_size;
inline constexpr VirtAddr lower_half_end = VirtAddr{1} << (page_shift + 9 * page_table_levels - 1);
inline constexpr VirtAddr user_end = lower_half_end - 2 * page_size;
inline constexpr std::size_t user_bytes = user_end;

/// The addresses that one page table can map for a program. The same for all spaces.
struct UserRange {
  static constexpr VirtAddr origin() { return 0; }  ///< programs' own addresses start here
  static constexpr VirtAddr begin() { return user_begin; }
  static constexpr VirtAddr end() { return user_end; }
  /// Enough for a walk of the table: there is no page below begin(), so only the end is checked.
  static constexpr bool may_have(VirtAddr va) { return va < user_end; }

  /// A user range for a new table; nothing if none is free.
  static constexpr std::optional<UserRange> take(PhysAddr) { return UserRange{}; }
  static constexpr void give_back() {}
};

}  // namespace hal
