#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/page_table.h>
#include <hal/remote.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "hart.h"

namespace hal {

constinit thread_local TranslationToken hosted::translation = 0;
constinit bool hosted::code_is_seen_first = false;
constinit bool hosted::code_is_read_ahead = false;
constinit thread_local VirtAddr hosted::hidden_fs = 0;

namespace {

/// The maximum number of mappings in the TLB. Linux limits a process to 65,530 (vm.max_map_count).
/// When this number is reached, the TLB is flushed.
constexpr std::size_t most_mappings = 48'000;

/// Lock of all data below. A hart that fills in a page waits until another hart has finished a
/// flush, and then reads the changed page table.
constinit std::atomic<bool> locked = false;

class TlbLock {
 public:
  TlbLock() {
    while (locked.exchange(true, std::memory_order_acquire)) relax();
  }
  ~TlbLock() { locked.store(false, std::memory_order_release); }

 private:
  InterruptGuard masked_;
};

/// A mapped page and the page table entry that it was mapped from.
struct Mapping {
  VirtAddr page;
  PageEntry entry;
};
/// The most mappings of one space that are recorded one by one. Most programs have no more.
constexpr std::size_t known_mappings = 512;

struct Space {
  PhysAddr root = 0;         // root table of the space with this user range; 0: the range is free
  std::size_t mappings = 0;  // number of mappings; only the first are in `known`
  std::array<Mapping, known_mappings> known{};
};
constinit std::array<Space, UserRange::count> spaces{};
constinit std::array<std::uint16_t, std::size_t{hosted::highest_asid} + 1> range_of_asid{};
constinit std::size_t mappings = 0;  // of all spaces
constinit std::size_t next_range = 0;

int protection_of(Access access) {
  return (allows(access, Access::read) ? PROT_READ : 0) |
         (allows(access, Access::write) ? PROT_WRITE : 0) |
         (allows(access, Access::execute) ? PROT_EXEC : 0);
}

// These make Linux's system calls directly: a sanitizer must not track the programs' memory.
bool map(VirtAddr page, PageEntry entry) {
  return syscall(SYS_mmap, page, page_size, protection_of(entry.access()), MAP_SHARED | MAP_FIXED,
                 hosted::ram_file(), static_cast<off_t>(entry.address() - ram_base)) != -1;
}
void unmap(VirtAddr first, std::size_t bytes) {
  syscall(SYS_munmap, first, bytes);
}

VirtAddr origin_of(std::size_t range) {
  return user_begin + range * user_bytes;
}
std::size_t range_of(VirtAddr va) {
  return (va - user_begin) / user_bytes;
}

void forget_range(std::size_t range) {
  Space& space = spaces[range];
  if (space.mappings == 0) return;
  unmap(origin_of(range), user_bytes);
  mappings -= space.mappings;
  space.mappings = 0;
}

void forget_page(Space& space, std::size_t index) {
  unmap(space.known[index].page, page_size);
  space.known[index] = space.known[--space.mappings];
  --mappings;
}

void forget_all() {
  for (std::size_t range = 0; range < spaces.size(); ++range) forget_range(range);
}

/// The present page table entry of `va`.
PageEntry look_up(PhysAddr root, VirtAddr va) {
  PhysAddr table = root;
  for (int level = 2;; --level) {
    const std::size_t index = va >> (page_shift + 9 * level) & 511;
    PageEntry entry;
    __atomic_load(phys_to_virt<PageEntry>(table) + index, &entry, __ATOMIC_ACQUIRE);
    if (entry.empty() || level == 0) return entry;
    table = entry.address();
  }
}

/// Removes the record of a page's previous mapping.
void forget_known(Space& space, VirtAddr page) {
  for (std::size_t i = 0; i < space.mappings; ++i) {
    if (space.known[i].page != page) continue;
    space.known[i] = space.known[--space.mappings];
    --mappings;
    return;
  }
}

/// Maps a page as its table entry says. Returns false if the entry does not allow `wanted`.
bool fill_page(Space& space, VirtAddr page, Access wanted) {
  const PageEntry entry = look_up(space.root, page);
  if (!entry.allows(wanted)) return false;
  if (mappings >= most_mappings) forget_all();
  if (!map(page, entry)) {
    forget_all();
    if (!map(page, entry)) return false;
  }
  if (space.mappings < known_mappings) {
    forget_known(space, page);
    space.known[space.mappings] = {.page = page, .entry = entry};
  }
  ++space.mappings;
  ++mappings;
  return true;
}

}  // namespace

// ── User ranges
// ────────────────────────────────────────────────────────────────────────────────────

std::optional<UserRange> UserRange::take(PhysAddr root) {
  const TlbLock lock;
  // Takes the ranges in turn, so that the addresses of an ended program stay unmapped for long.
  for (std::size_t tried = 0; tried < count; ++tried) {
    const std::size_t range = next_range++ % count;
    if (spaces[range].root != 0) continue;
    spaces[range].root = root;
    return UserRange{origin_of(range)};
  }
  return std::nullopt;
}

void UserRange::give_back() const {
  const TlbLock lock;
  const std::size_t range = range_of(origin_);
  forget_range(range);
  spaces[range].root = 0;
}

// ── Filling and flushing
// ───────────────────────────────────────────────────────────────────────────

bool fill_translation(VirtAddr va, std::uint8_t access) {
  if (va < user_begin || va >= user_end) return false;
  const TranslationToken token = current_translation();
  const PhysAddr root = (token & ((TranslationToken{1} << 44) - 1)) << page_shift;
  const std::size_t range = range_of(va);
  Space& space = spaces[range];
  const TlbLock lock;
  if (root == 0 || space.root != root) return false;
  const auto wanted = static_cast<Access>(access);
  if (!fill_page(space, page_down(va), wanted)) return false;
  range_of_asid[token >> 44 & 0xffff] = static_cast<std::uint16_t>(range);
  if (hosted::code_is_read_ahead && allows(wanted, Access::execute)) {
    for (VirtAddr page = page_down(va) + page_size; fill_page(space, page, wanted);) {
      page += page_size;
    }
  }
  return true;
}

void translation_added(VirtAddr va) {
  constexpr std::uint8_t whatever_it_may = 0;
  (void)fill_translation(va, whatever_it_may);
}

void flush_page(VirtAddr va, Asid) {
  if (va < user_begin || va >= user_end) return;
  const TlbLock lock;
  Space& space = spaces[range_of(va)];
  if (space.mappings == 0) return;
  if (space.mappings < known_mappings) forget_known(space, page_down(va));
  unmap(page_down(va), page_size);
}

void flush_space(Asid asid) {
  const TlbLock lock;
  const std::size_t range = range_of_asid[asid];
  Space& space = spaces[range];
  if (space.mappings >= known_mappings) return forget_range(range);
  // Keep mappings that still match the table: the program would only fault them in again.
  for (std::size_t i = 0; i < space.mappings;) {
    const Mapping& known = space.known[i];
    if (look_up(space.root, known.page) == known.entry) {
      ++i;
    } else {
      forget_page(space, i);
    }
  }
}

void flush_all() {
  const TlbLock lock;
  forget_all();
}

// All harts share the mappings, so a local flush is a flush on all harts.

void flush_remote(HartMask, Asid asid, VirtAddr first, std::size_t pages) {
  for (std::size_t page = 0; page < pages; ++page) flush_page(first + page * page_size, asid);
}
void flush_space_remote(HartMask, Asid asid) {
  flush_space(asid);
}
void flush_all_remote(HartMask) {
  flush_all();
}
void synchronize_code_remote(HartMask) {}

}  // namespace hal
