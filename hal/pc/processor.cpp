#include "processor.h"

#include <hal/machine/msr.h>
#include <hal/machine/page_entry.h>
#include <hal/machine/translation.h>

namespace hal::pc {
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

constexpr std::uint64_t cr4_pcids = 1 << 17;
constexpr std::uint64_t efer_no_execute = 1 << 11;

}  // namespace

std::string_view find_features() {
  if (!has_no_execute()) return "pages that are not executable (NX)";
  if (has_pages_of_1_gib()) largest_page_level = 2;
  return {};
}

void enable_features() {
  write_msr(Msr::efer, read_msr(Msr::efer) | efer_no_execute);
  if (!has_pcids_and_invpcid()) return;
  // The PCID in CR3 must be 0 at this moment, which it is in the kernel's own space.
  write_cr4(read_cr4() | cr4_pcids);
  if (!has_pcids()) keeps_translations = TranslationToken{1} << 63;  // on the boot hart
}

}  // namespace hal::pc
