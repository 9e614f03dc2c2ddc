// A hart's PMP entries: a cache of the regions of its current space. The records of pages
// (hal/page_table.h) say what a program may access. The entries bind programs only, because none is
// locked.
#include "pmp.h"

#include <hal/hart.h>
#include <hal/machine/csr.h>
#include <hal/machine/pmp_layout.h>
#include <hal/machine/privilege.h>
#include <hal/page_table.h>

#include <array>
#include <utility>

namespace hal {

constinit thread_local TranslationToken riscv64::protected_space = 0;

namespace riscv64::pmp {
namespace {

struct Region {
  PhysAddr begin = 0;
  PhysAddr end = 0;
  Access access = Access::none;
};

/// The regions of one space.
struct Set {
  TranslationToken space = 0;
  std::array<Region, most_regions> regions;  // empty: not in use
  unsigned next = 0;                         // the region to replace
};

/// The entries of a hart have the regions of one of these sets. The others are those of spaces that
/// it has left, so that programs that take turns find their regions again.
struct alignas(64) Entries {
  std::array<Set, 4> sets;
  unsigned current = 0;
  unsigned replaced = 0;  // the set to replace
  unsigned count = 0;     // regions that the hart has entries for

  Set& set() { return sets[current]; }
};
constinit std::array<Entries, max_harts> of_harts{};

Entries& own() {
  return of_harts[hart_index()];
}

template <unsigned number>
void write_address(std::uint64_t value) {
  asm volatile("csrw %0, %1" : : "i"(0x3b0 + number), "r"(value) : "memory");
}

void write_addresses(unsigned region, PhysAddr begin, PhysAddr end) {
  [&]<unsigned... i>(std::integer_sequence<unsigned, i...>) {
    ((region == i ? (write_address<2 * i>(address_value(begin)),
                     write_address<2 * i + 1>(address_value(end)))
                  : void()),
     ...);
  }(std::make_integer_sequence<unsigned, most_regions>{});
}

void write_configs(Entries& entries) {
  std::uint64_t low = 0, high = 0;
  for (unsigned region = 0; region < entries.count; ++region) {
    const Access access = entries.set().regions[region].access;
    if (access == Access::none) continue;
    (region < 4 ? low : high) |= std::uint64_t{config_byte(access)} << config_shift(region);
  }
  // QEMU enters a program only if an entry is on. This one allows nothing.
  if ((low | high) == 0) low = std::uint64_t{config_byte(Access::none)} << config_shift(0);
  HAL_WRITE_CSR("pmpcfg0", low);
  if (entries.count > 4) HAL_WRITE_CSR("pmpcfg2", high);
}

void forget_all() {
  for (Set& set : own().sets) set.regions.fill({});
  write_configs(own());
}

/// Selects the set of `space`, or an empty one.
void select(TranslationToken space) {
  Entries& entries = own();
  for (entries.current = 0; entries.current < entries.sets.size(); ++entries.current) {
    if (entries.set().space == space) break;
  }
  if (entries.current == entries.sets.size()) {
    entries.current = entries.replaced;
    entries.replaced = (entries.replaced + 1) % entries.sets.size();
    entries.set() = {.space = space};
  }
  for (unsigned i = 0; i < entries.count; ++i) {
    if (const Region& region = entries.set().regions[i]; region.access != Access::none)
      write_addresses(i, region.begin, region.end);
  }
  write_configs(entries);
}

/// The region around `page`: adjacent pages with the same owner and the same rights.
Region region_of(PhysAddr page) {
  const PageEntry entry = *PageRecords::find(page);
  const auto belongs = [&](PhysAddr other) {
    const PageEntry* const record = PageRecords::find(other);
    return record != nullptr && !record->empty() && record->owner() == entry.owner() &&
           record->access() == entry.access();
  };
  Region region{.begin = page, .end = page + page_size, .access = entry.access()};
  while (belongs(region.begin - page_size)) region.begin -= page_size;
  while (belongs(region.end)) region.end += page_size;
  return region;
}

/// Loads a region. Regions in the entries never overlap, because the hart refuses an access that
/// the first matching entry matches only in part.
void load(const Region& region) {
  Entries& entries = own();
  Set& set = entries.set();
  for (Region& other : set.regions) {
    if (other.begin < region.end && region.begin < other.end) other = {};
  }
  Region& place = set.regions[set.next];
  place = {};
  write_configs(entries);
  write_addresses(set.next, region.begin, region.end);
  place = region;
  write_configs(entries);
  set.next = (set.next + 1) % entries.count;
}

/// Writes ones to an address register. False: the hart does not have it.
template <unsigned number>
bool has_entry() {
  std::uint64_t there = 0;
  asm volatile(
      "la %0, 1f\n"
      "csrrw %0, mtvec, %0\n"
      "li t0, 0\n"
      "li t1, -1\n"
      "csrw %1, t1\n"
      "csrr t0, %1\n"
      ".balign 4\n"
      "1:csrw mtvec, %0\n"
      "mv %0, t0\n"
      : "+r"(there)
      : "i"(0x3b0 + number)
      : "t0", "t1", "memory");
  return there != 0;
}

}  // namespace

bool start_hart() {
  own().count = has_entry<15>() ? 8 : has_entry<7>() ? 4 : 0;
  HAL_CLEAR_CSR("mstatus", status::pp);  // a trap in has_entry() has set it
  if (own().count != 0) forget_all();
  return own().count != 0;
}

}  // namespace riscv64::pmp

using namespace riscv64::pmp;

void set_translation(TranslationToken token) {
  riscv64::protected_space = token;
  select(token);
}

void flush_all() {
  forget_all();
}

void flush_page(VirtAddr va, Asid) {
  const PhysAddr page = page_down(va);
  const PageEntry* const record = PageRecords::find(page);
  const bool is_own = record != nullptr && !record->empty() &&
                      record->owner() == OwnedPages::owner_of(riscv64::protected_space);
  if (!is_own) return forget_all();
  for (const Region& region : own().set().regions) {  // the page may have lost a right
    if (region.begin <= page && page < region.end && region.access != record->access())
      return forget_all();
  }
  load(region_of(page));
}

}  // namespace hal
