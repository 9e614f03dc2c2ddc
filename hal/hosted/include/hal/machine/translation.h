// Address translation in a Linux process. A page table is data that no processor walks; what of it
// Linux knows, as mappings of the file that is RAM, is this machine's TLB: filled when a program
// touches a page (`fill_translation`), emptied where the kernel flushes. All harts share it.
#pragma once

#include <hal/memory_map.h>

#include <cstdint>
#include <cstring>

namespace hal {

using Asid = std::uint16_t;
/// As on a processor with Sv39: mode, address space identifier, root table.
using TranslationToken = std::uint64_t;

namespace hosted {

extern constinit thread_local TranslationToken translation;
inline constexpr Asid highest_asid = 4095;
/// Set before the first program runs.
extern constinit bool code_is_seen_first, code_is_read_ahead;

}  // namespace hosted

/// From now on programs on this hart are those of the space that `token` selects.
inline void set_translation(TranslationToken token) {
  hosted::translation = token;
}
inline TranslationToken current_translation() {
  return hosted::translation;
}
inline Asid highest_asid() {
  return hosted::highest_asid;
}

/// After a program of this hart could not do `access` at `va`: true if its table says that it may,
/// so that it can try again; false if this is a page fault. `access` is one bit of Access.
bool fill_translation(VirtAddr va, std::uint8_t access);

/// The table of some space has an entry for the page of `va` that it had not before. Programs find
/// it at once, instead of by a fault.
void translation_added(VirtAddr va);

// These hold on all harts when they return.
void flush_page(VirtAddr va, Asid asid);
void flush_space(Asid asid);
void flush_all();

/// The kernel changes programs' instructions (process/foreign_code.h).
inline constexpr bool changes_code = true;
/// Whether the instructions of a page have to be looked at before a program runs any of them: where
/// the host's fs is never changed (trap/rewrite.h).
inline bool code_is_seen_first() {
  return hosted::code_is_seen_first;
}
/// Whether instructions are read before it is known that they will be run, as an emulator of the
/// processor does: then all pages of an area of code have to be there when one is.
inline bool code_is_read_ahead() {
  return hosted::code_is_read_ahead;
}
/// This processor's harts see what they write.
inline void synchronize_code() {}

/// Both take whole, aligned pages.
inline void zero_page(void* page) {
  std::memset(page, 0, page_size);
}
inline void copy_page(void* to, const void* from) {
  std::memcpy(to, from, page_size);
}

}  // namespace hal
