// The depth of page tables with four levels.
#pragma once

namespace hal {

/// Levels of a table; the root has the highest one. A table has 512 entries.
inline constexpr unsigned page_table_levels = 4;

}  // namespace hal
