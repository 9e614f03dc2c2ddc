#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/page_table.h>
#include <hal/remote.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <span>

#include "hart.h"

namespace hal {

constinit thread_local TranslationToken hosted::translation = 0;
constinit bool hosted::code_is_seen_first = false;
constinit bool hosted::code_is_read_ahead = false;
constinit thread_local VirtAddr hosted::hidden_fs = 0;

namespace {

/// The maximum number of mappings in the TLB. When it is reached, the TLB is flushed. Linux limits
/// a process to 65,530 mappings (vm.max_map_count), and those without access count, too (unmap()).
constexpr std::size_t most_mappings = 30'000;

/// A spin lock. Its holder has interrupts masked.
class Lock {
 public:
  class Guard {
   public:
    explicit Guard(Lock& lock) : lock_{lock} {
      while (lock_.taken_.exchange(true, std::memory_order_acquire)) relax();
    }
    ~Guard() { lock_.taken_.store(false, std::memory_order_release); }

   private:
    InterruptGuard masked_;
    Lock& lock_;
  };

 private:
  std::atomic<bool> taken_ = false;
};

/// A mapped page and the page table entry that it was mapped from.
struct Mapping {
  VirtAddr page;
  PageEntry entry;
};
/// The most mappings of one space that are recorded one by one. Most programs have no more.
constexpr std::size_t known_mappings = 512;

/// The part of the TLB that belongs to one address space. `lock` protects the rest: a hart that
/// fills in a page waits until another hart has finished a flush, and then reads the changed page
/// table.
struct alignas(64) Space {
  Lock lock;
  PhysAddr root = 0;         // root table of the space with this user range; 0: the range is free
  std::size_t mappings = 0;  // number of mappings; only the first are in `known`
  std::array<Mapping, known_mappings> known{};
};
constinit std::array<Space, UserRange::count> spaces{};
constinit std::array<std::atomic<std::uint16_t>, std::size_t{hosted::highest_asid} + 1>
    range_of_asid{};
constinit std::atomic<std::size_t> mappings = 0;  // of all spaces
constinit std::atomic<std::size_t> next_range = 0;

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
/// Leaves a mapping that allows no access. Where there is no mapping at all, Linux serves a fault
/// under the lock with which it changes mappings, so the faults of other harts would wait for it.
/// A limit of the address space (RLIMIT_AS) may forbid this mapping. Then none is left.
void unmap(VirtAddr first, std::size_t bytes) {
  const long mapped = syscall(SYS_mmap, first, bytes, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (mapped == -1) syscall(SYS_munmap, first, bytes);
}

VirtAddr origin_of(std::size_t range) {
  return user_begin + range * user_bytes;
}
std::size_t range_of(VirtAddr va) {
  return (va - user_begin) / user_bytes;
}

// The caller of these functions holds the lock of the space, until the end of this namespace.

void forget_all_records(Space& space) {
  mappings -= space.mappings;
  space.mappings = 0;
}

void forget_range(std::size_t range) {
  Space& space = spaces[range];
  if (space.mappings == 0) return;
  unmap(origin_of(range), user_bytes);
  forget_all_records(space);
}

void forget_record(Space& space, std::size_t index) {
  space.known[index] = space.known[--space.mappings];
  --mappings;
}

/// Unmaps pages with one system call for each run of adjacent pages. Sorts `pages`.
void unmap_pages(std::span<Mapping> pages) {
  std::ranges::sort(pages, {}, &Mapping::page);
  for (std::size_t i = 0; i < pages.size();) {
    const VirtAddr first = pages[i].page;
    VirtAddr end = first;
    while (i < pages.size() && pages[i].page == end) ++i, end += page_size;
    unmap(first, end - first);
  }
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

/// Removes the records of the pages of [first, end).
void forget_records(Space& space, VirtAddr first, VirtAddr end) {
  for (std::size_t i = 0; i < space.mappings;) {
    const VirtAddr page = space.known[i].page;
    if (page >= first && page < end) {
      forget_record(space, i);
    } else {
      ++i;
    }
  }
}

enum class Filled : std::uint8_t { yes, no, no_more_mappings };

/// Maps a page as its table entry says. `no`: the entry does not allow `wanted`.
Filled fill_page(Space& space, VirtAddr page, Access wanted) {
  const PageEntry entry = look_up(space.root, page);
  if (!entry.allows(wanted)) return Filled::no;
  if (!map(page, entry)) return Filled::no_more_mappings;
  if (space.mappings < known_mappings) {
    forget_records(space, page, page + page_size);
    space.known[space.mappings] = {.page = page, .entry = entry};
  }
  ++space.mappings;
  ++mappings;
  return Filled::yes;
}

/// Notes the range of an ASID for flush_space(), which must not miss a mapping that is being made.
/// flush_space() sees the range and waits for the lock of the space, or this hart sees the changed
/// page table. The fence pairs with the one in flush_space(). If the range was noted before, the
/// lock orders the two harts.
void note_asid(Asid asid, std::size_t range) {
  auto& noted = range_of_asid[asid];
  if (noted.load(std::memory_order_relaxed) == range) return;
  noted.store(static_cast<std::uint16_t>(range), std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

/// Maps the page of `va`, and the pages of code that the processor may read ahead.
Filled fill(VirtAddr va, Access wanted) {
  const TranslationToken token = current_translation();
  const PhysAddr root = (token & ((TranslationToken{1} << 44) - 1)) << page_shift;
  const std::size_t range = range_of(va);
  Space& space = spaces[range];
  const Lock::Guard guard{space.lock};
  if (root == 0 || space.root != root) return Filled::no;
  note_asid(token >> 44 & 0xffff, range);
  VirtAddr page = page_down(va);
  const Filled filled = fill_page(space, page, wanted);
  if (filled == Filled::yes && hosted::code_is_read_ahead && allows(wanted, Access::execute)) {
    do {
      page += page_size;
    } while (fill_page(space, page, wanted) == Filled::yes);
  }
  return filled;
}

}  // namespace

// ── User ranges
// ────────────────────────────────────────────────────────────────────────────────────

std::optional<UserRange> UserRange::take(PhysAddr root) {
  // Takes the ranges in turn, so that the addresses of an ended program stay unmapped for long.
  const std::size_t first = next_range.load(std::memory_order_relaxed);
  for (std::size_t tried = 0; tried < count; ++tried) {
    const std::size_t range = (first + tried) % count;
    Space& space = spaces[range];
    const Lock::Guard guard{space.lock};
    if (space.root != 0) continue;
    next_range.store(range + 1, std::memory_order_relaxed);
    space.root = root;
    unmap(origin_of(range), user_bytes);
    return UserRange{origin_of(range)};
  }
  return std::nullopt;
}

void UserRange::give_back() const {
  Space& space = spaces[range_of(origin_)];
  const Lock::Guard guard{space.lock};
  syscall(SYS_munmap, origin_, user_bytes);
  forget_all_records(space);
  space.root = 0;
}

// ── Filling and flushing
// ───────────────────────────────────────────────────────────────────────────

bool fill_translation(VirtAddr va, std::uint8_t access) {
  if (va < user_begin || va >= user_end) return false;
  if (mappings.load(std::memory_order_relaxed) >= most_mappings) flush_all();
  const auto wanted = static_cast<Access>(access);
  Filled filled = fill(va, wanted);
  if (filled == Filled::no_more_mappings) {
    flush_all();
    filled = fill(va, wanted);
  }
  return filled == Filled::yes;
}

void translation_added(VirtAddr va) {
  constexpr std::uint8_t whatever_it_may = 0;
  (void)fill_translation(va, whatever_it_may);
}

void flush_page(VirtAddr va, Asid) {
  flush_remote(0, 0, va, 1);
}

void flush_space(Asid asid) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const std::size_t range = range_of_asid[asid].load(std::memory_order_relaxed);
  Space& space = spaces[range];
  const Lock::Guard guard{space.lock};
  if (space.mappings >= known_mappings) return forget_range(range);
  // Keep mappings that still match the table: the program would only fault them in again.
  std::array<Mapping, known_mappings> changed;
  std::size_t count = 0;
  for (std::size_t i = 0; i < space.mappings;) {
    const Mapping known = space.known[i];
    if (look_up(space.root, known.page) == known.entry) {
      ++i;
    } else {
      changed[count++] = known;
      forget_record(space, i);
    }
  }
  unmap_pages(std::span{changed}.first(count));
}

void flush_all() {
  for (std::size_t range = 0; range < spaces.size(); ++range) {
    const Lock::Guard guard{spaces[range].lock};
    forget_range(range);
  }
}

// All harts share the mappings, so a local flush is a flush on all harts.

/// The pages lie in one space.
void flush_remote(HartMask, Asid, VirtAddr first, std::size_t pages) {
  if (first < user_begin || first >= user_end) return;
  const std::size_t bytes = pages * page_size;
  Space& space = spaces[range_of(first)];
  const Lock::Guard guard{space.lock};
  if (space.mappings == 0) return;
  if (space.mappings < known_mappings) forget_records(space, page_down(first), first + bytes);
  unmap(page_down(first), bytes);
}
void flush_space_remote(HartMask, Asid asid) {
  flush_space(asid);
}
void flush_all_remote(HartMask) {
  flush_all();
}
void synchronize_code_remote(HartMask) {}

}  // namespace hal
