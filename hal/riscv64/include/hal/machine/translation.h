// Instructions for address translation and page contents, as inline functions.
//
// After you remove or restrict an entry, flush. After you add one, no flush is needed. A hart that
// has cached the invalid entry faults once more, and the fault handler flushes (RISC-V privileged
// specification 4.2.1, "sfence.vma").
#pragma once

#include <hal/machine/page_contents.h>
#include <hal/memory_map.h>

namespace hal {

using Asid = std::uint16_t;
/// The value of satp: mode, address space identifier, root table.
using TranslationToken = std::uint64_t;

/// Selects the page table of this hart. Flushes nothing.
inline void set_translation(TranslationToken token) {
  asm volatile("csrw satp, %0" : : "r"(token) : "memory");
}

inline TranslationToken current_translation() {
  TranslationToken token;
  asm volatile("csrr %0, satp" : "=r"(token));
  return token;
}

/// The largest address space identifier that this hart supports; 0 if it supports none. Writes ones
/// to the field of satp and reads it back; the root table stays selected.
inline Asid highest_asid() {
  const TranslationToken before = current_translation();
  set_translation(before | TranslationToken{0xffff} << 44);
  const auto highest = static_cast<Asid>(current_translation() >> 44);
  set_translation(before);
  return highest;
}

/// Call it after an entry was added. It does nothing: the hart walks the table itself.
inline void translation_added(VirtAddr) {}

inline void flush_page(VirtAddr va, Asid asid) {
  asm volatile("sfence.vma %0, %1" : : "r"(va), "r"(std::uint64_t{asid}) : "memory");
}

inline void flush_space(Asid asid) {
  asm volatile("sfence.vma x0, %0" : : "r"(std::uint64_t{asid}) : "memory");
}

/// Flushes all spaces, global entries included.
inline void flush_all() {
  asm volatile("sfence.vma" : : : "memory");
}

}  // namespace hal
