#include "processor.h"

#include <hal/machine/msr.h>
#include <hal/machine/page_entry.h>
#include <hal/machine/translation.h>

#include <cstring>

namespace hal::pc {

constinit thread_local TranslationToken live_translation = 0;

namespace {

constexpr std::uint32_t extended_leaf = 0x8000'0001;

bool has_pages_of_1_gib() {
  return (cpuid(extended_leaf).d >> 26 & 1) != 0;
}
bool has_no_execute() {
  return (cpuid(extended_leaf).d >> 20 & 1) != 0;
}
/// The kernel uses PCIDs only with INVPCID, which flushes those of other spaces.
bool has_pcids_and_invpcid() {
  return (cpuid(1).c >> 17 & 1) != 0 && (cpuid(7).b >> 10 & 1) != 0;
}

bool has_base_instructions() {
  return (cpuid(7).b >> 0 & 1) != 0;
}
bool has_xsave() {
  return (cpuid(1).c >> 26 & 1) != 0;
}
bool has_local_apic() {
  return (cpuid(1).d >> 9 & 1) != 0;
}
/// The kernel does not execute code of programs (SMEP), nor access their memory (SMAP).
bool has_execution_prevention() {
  return (cpuid(7).b >> 7 & 1) != 0;
}
bool has_access_prevention() {
  return (cpuid(7).b >> 20 & 1) != 0;
}

// Bits of CR4.
constexpr std::uint64_t vector_instructions = 1 << 9 | 1 << 10 | 1 << 18;  // SSE, #XM, XSAVE
constexpr std::uint64_t base_instructions = 1 << 16;
constexpr std::uint64_t cr4_pcids = 1 << 17;
constexpr std::uint64_t execution_prevention = 1 << 20, access_prevention = 1 << 21;
constexpr std::uint64_t efer_no_execute = 1 << 11;

/// Programs may use x87, SSE, AVX and AVX-512, as far as the processor has them.
void enable_vector_registers() {
  constexpr std::uint32_t wanted = 0xe7;  // bits of XCR0
  asm volatile("xsetbv" : : "c"(0), "a"(cpuid(0xd).a & wanted), "d"(0) : "memory");
}

}  // namespace

std::string_view find_features() {
  if (!has_no_execute()) return "pages that are not executable (NX)";
  if (!has_base_instructions()) return "instructions for the bases of FS and GS (FSGSBASE)";
  if (!has_xsave()) return "the instruction XSAVE";
  if (!has_local_apic()) return "an interrupt controller of its own (local APIC)";
  if (has_pages_of_1_gib()) largest_page_level = 2;
  return {};
}

void enable_features() {
  write_msr(Msr::efer, read_msr(Msr::efer) | efer_no_execute);
  write_cr4(read_cr4() | vector_instructions | base_instructions |
            (has_execution_prevention() ? execution_prevention : 0) |
            (has_access_prevention() ? access_prevention : 0));
  enable_vector_registers();
  if (!has_pcids_and_invpcid()) return;
  // The PCID in CR3 must be 0 at this moment, which it is in the kernel's own space.
  write_cr4(read_cr4() | cr4_pcids);
  if (has_pcids()) return;  // only the boot hart sets these
  bits_for_cr3 = ~TranslationToken{0};
  keeps_translations = TranslationToken{1} << 63;
}

bool read_random(std::span<std::byte> bytes) {
  if ((cpuid(1).c >> 30 & 1) == 0) return false;
  for (; !bytes.empty(); bytes = bytes.subspan(sizeof(std::uint64_t))) {
    // Intel SDM, volume 1, "Random Number Generator Instructions": ten tries are enough.
    std::uint64_t word = 0;
    bool is_good = false;
    for (int tries = 0; tries < 10 && !is_good; ++tries)
      asm volatile("rdrand %0" : "=r"(word), "=@ccc"(is_good));
    if (!is_good) return false;
    std::memcpy(bytes.data(), &word, sizeof word);
  }
  return true;
}

}  // namespace hal::pc
