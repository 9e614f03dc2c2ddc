// Reads and writes of page table entries while other harts may use the table.
#pragma once

#include <hal/machine/page_entry.h>

namespace hal {

/// Writes an entry atomically. Other harts may be using the table. Release order: they see earlier
/// stores, such as the contents of the page or of the table that the entry refers to.
inline void set(PageEntry& slot, PageEntry entry) {
  __atomic_store(&slot, &entry, __ATOMIC_RELEASE);
}

/// Like set(), but writes only to an empty entry, and returns whether it was empty. For entries
/// that other harts may fill at the same time.
inline bool set_if_empty(PageEntry& slot, PageEntry entry) {
  PageEntry expected{};
  return __atomic_compare_exchange(&slot, &expected, &entry, false, __ATOMIC_RELEASE,
                                   __ATOMIC_RELAXED);
}

/// Like set(), but in relaxed order, for an entry that grants no new right: an empty one, or the
/// same page with fewer rights.
inline void set_relaxed(PageEntry& slot, PageEntry entry) {
  __atomic_store(&slot, &entry, __ATOMIC_RELAXED);
}

/// Reads an entry while other harts may set() it. Acquire order: pairs with set().
inline PageEntry get(const PageEntry& slot) {
  PageEntry entry;
  __atomic_load(&slot, &entry, __ATOMIC_ACQUIRE);
  return entry;
}

}  // namespace hal
