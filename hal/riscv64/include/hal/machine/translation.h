// The instructions behind address translation and page contents, one inline function each.
//
// Writing an entry does not by itself make the hart use it: after *removing* or *restricting* one,
// flush; after adding one nothing is needed, a hart that remembers "invalid" faults once more and
// the fault handler flushes (RISC-V privileged specification 4.2.1, "sfence.vma").
#pragma once

#include <hal/memory_map.h>

namespace hal {

using Asid = std::uint16_t;
/// A satp value: mode, address space identifier, root table.
using TranslationToken = std::uint64_t;

/// From now on this hart translates by `token`. Nothing is flushed.
inline void set_translation(TranslationToken token) {
  asm volatile("csrw satp, %0" : : "r"(token) : "memory");
}

inline TranslationToken current_translation() {
  TranslationToken token;
  asm volatile("csrr %0, satp" : "=r"(token));
  return token;
}

/// The largest address space identifier this hart has; 0 if it has none. The bits of satp that do
/// not exist read as zero; the table stays the same meanwhile.
inline Asid highest_asid() {
  const TranslationToken before = current_translation();
  set_translation(before | TranslationToken{0xffff} << 44);
  const auto highest = static_cast<Asid>(current_translation() >> 44);
  set_translation(before);
  return highest;
}

/// An entry was added. A hart looks into the table by itself.
inline void translation_added(VirtAddr) {}

inline void flush_page(VirtAddr va, Asid asid) {
  asm volatile("sfence.vma %0, %1" : : "r"(va), "r"(std::uint64_t{asid}) : "memory");
}

inline void flush_space(Asid asid) {
  asm volatile("sfence.vma x0, %0" : : "r"(std::uint64_t{asid}) : "memory");
}

/// Every space, global entries too.
inline void flush_all() {
  asm volatile("sfence.vma" : : : "memory");
}

/// Programs run as they are.
inline constexpr bool changes_code = false;
constexpr bool code_is_seen_first() {
  return false;
}
constexpr bool code_is_read_ahead() {
  return false;
}

/// Instructions fetched after this see every store before it (this hart only).
inline void synchronize_code() {
  asm volatile("fence.i" : : : "memory");
}

/// Bytes one cbo.zero clears, from the device tree's riscv,cboz-block-size; 0: the hart has none.
/// Set once at boot, on every hart alike (and senvcfg/menvcfg must allow it).
inline constinit std::size_t zero_block_size = 0;

/// Both take whole, aligned pages.
void zero_page(void* page);
void copy_page(void* to, const void* from);

}  // namespace hal
