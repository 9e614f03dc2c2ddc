// The depth of Sv39 page tables.
#pragma once

namespace hal {

/// Levels of a table; the root has the highest one. A table has 512 entries.
inline constexpr unsigned page_table_levels = 3;

}  // namespace hal
