// Instructions for address translation and page contents, as inline functions.
//
// After you remove or restrict an entry, flush. After you add one, no flush is needed: the
// processor keeps no translation for an entry that was not present (Intel SDM, volume 3, "Details
// of TLB Use").
#pragma once

#include <hal/memory_map.h>

namespace hal {

using Asid = std::uint16_t;
/// The root table and an address space identifier. With process-context identifiers (PCIDs) this is
/// the value of the register CR3, and the identifier is one of them. Without PCIDs the processor
/// flushes the translations of the old space whenever it gets a new one. So spaces have identifiers
/// all the same, which the processor does not get: no space ever finds translations of another one.
using TranslationToken = std::uint64_t;

namespace pc {

/// The bit of CR3 with which a write keeps the translations of its PCID. 0 until, and unless, PCIDs
/// are enabled. Set at boot, the same for all harts.
inline constinit TranslationToken keeps_translations = 0;

/// The bits of a token that CR3 gets. Set at boot.
inline constinit TranslationToken bits_for_cr3 = ~TranslationToken{0xfff};
/// The token that this hart uses.
extern constinit thread_local TranslationToken live_translation;

inline bool has_pcids() {
  return keeps_translations != 0;
}

inline void write_cr4(std::uint64_t value) {
  asm volatile("movq %0, %%cr4" : : "r"(value) : "memory");
}
inline std::uint64_t read_cr4() {
  std::uint64_t value;
  asm volatile("movq %%cr4, %0" : "=r"(value));
  return value;
}
inline constexpr std::uint64_t cr4_global_pages = 1 << 7;

/// The kinds of the instruction INVPCID.
enum class Invalidation : std::uint64_t { address = 0, context = 1 };

inline void invalidate(Invalidation kind, Asid asid, VirtAddr va) {
  const struct {
    std::uint64_t pcid, address;
  } descriptor = {asid, va};
  asm volatile("invpcid %0, %1" : : "m"(descriptor), "r"(kind) : "memory");
}

}  // namespace pc

/// Selects the page table of this hart. Flushes nothing, or without PCIDs all pages that are not
/// global.
inline void set_translation(TranslationToken token) {
  pc::live_translation = token;
  const std::uint64_t value = (token & pc::bits_for_cr3) | pc::keeps_translations;
  asm volatile("movq %0, %%cr3" : : "r"(value) : "memory");
}

inline TranslationToken current_translation() {
  return pc::live_translation;
}

/// The largest address space identifier.
inline Asid highest_asid() {
  return 0xfff;
}

/// Call it after an entry was added. It does nothing: the hart walks the table itself.
inline void translation_added(VirtAddr) {}

// The flushes use no per-hart data, because the gate of the NMI calls them too.

/// Does not flush global pages if the processor has PCIDs.
inline void flush_page(VirtAddr va, Asid asid) {
  if (pc::has_pcids()) return pc::invalidate(pc::Invalidation::address, asid, va);
  asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

inline void flush_space(Asid asid) {
  if (pc::has_pcids()) return pc::invalidate(pc::Invalidation::context, asid, 0);
  asm volatile("movq %%cr3, %%rax\n\tmovq %%rax, %%cr3" : : : "rax", "memory");
}

/// Flushes all spaces, global entries included: a change of CR4.PGE does that.
inline void flush_all() {
  const std::uint64_t cr4 = pc::read_cr4();
  pc::write_cr4(cr4 ^ pc::cr4_global_pages);
  pc::write_cr4(cr4);
}

constexpr bool code_is_read_ahead() {
  return false;
}

/// Instructions that this hart fetches from now on see all its earlier stores. A stored instruction
/// has another address in the direct map, so the hart must serialise (Intel SDM, volume 3,
/// "Self-Modifying Code"). A write of CR2 does that.
inline void synchronize_code() {
  asm volatile("movq %0, %%cr2" : : "r"(std::uint64_t{0}) : "memory");
}

/// The addresses are page-aligned.
void zero_page(void* page);
void copy_page(void* to, const void* from);

}  // namespace hal
