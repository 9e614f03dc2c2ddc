// Hosted: address translation in a Linux process. No processor walks the page tables. The TLB of
// this machine is the set of Linux mappings of the file that is RAM. A program's page fault adds a
// mapping (`fill_translation`); the kernel's flushes remove mappings. All harts share the TLB.
#pragma once

#include <hal/memory_map.h>

#include <cstdint>
#include <cstring>

namespace hal {

using Asid = std::uint16_t;
/// As with Sv39: mode, address space identifier, root table.
using TranslationToken = std::uint64_t;

namespace hosted {

extern constinit thread_local TranslationToken translation;
inline constexpr Asid highest_asid = 4095;
/// Set before the first program runs. The functions of these names below say what they mean.
extern constinit bool code_is_seen_first, code_is_read_ahead;
/// This hart's fs base in programs, in the segment mode `fault`; 0 in the others.
extern constinit thread_local VirtAddr hidden_fs;

}  // namespace hosted

/// Selects the address space of programs on this hart.
inline void set_translation(TranslationToken token) {
  hosted::translation = token;
}
inline TranslationToken current_translation() {
  return hosted::translation;
}
inline Asid highest_asid() {
  return hosted::highest_asid;
}

/// Call it after a program on this hart has faulted at `va`. If the program's page table allows
/// `access`, maps the page and returns true: the program must retry. Otherwise returns false: the
/// kernel must handle the page fault. `access` is one bit of Access.
bool fill_translation(VirtAddr va, std::uint8_t access);

/// Call it after an entry for the page of `va` was added to a table. If the table is the current
/// one, maps the page now, which saves a fault.
void translation_added(VirtAddr va);

// Flushes take effect on all harts before they return.
void flush_page(VirtAddr va, Asid asid);
void flush_space(Asid asid);
void flush_all();

/// Whether the kernel must scan a page's instructions before a program executes any of them. True
/// in the segment mode `rewrite`, in which fs stays the kernel's (trap/rewrite.h).
inline bool code_is_seen_first() {
  return hosted::code_is_seen_first;
}
/// Whether a program's fault at `va`, on this hart, is that of an instruction that uses fs in the
/// segment mode `fault`: then the kernel must change the instruction. Such an instruction reaches
/// less than 2 GiB in either direction.
inline bool is_fault_of_fs(VirtAddr va) {
  constexpr VirtAddr reach = VirtAddr{1} << 31;
  return hosted::hidden_fs != 0 && va - (hosted::hidden_fs - reach) < 2 * reach;
}
/// Whether the processor reads instructions ahead of execution across pages, as valgrind does. Then
/// all pages of a code area must be mapped together.
inline bool code_is_read_ahead() {
  return hosted::code_is_read_ahead;
}
/// An x86_64 processor sees its own stores to code.
inline void synchronize_code() {}

/// The addresses are page-aligned.
inline void zero_page(void* page) {
  std::memset(page, 0, page_size);
}
inline void copy_page(void* to, const void* from) {
  std::memcpy(to, from, page_size);
}

}  // namespace hal
