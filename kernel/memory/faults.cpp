// Page faults: how a page gets its frame. When the kernel itself accesses a program's memory, it
// calls fault() if necessary, without a trap. The entry in the page table decides:
//
//   no entry                 zeros, part of a file, or a shared page
//   no entry, page on disk   would_block: the thread waits for a page-in (process/page_in.h)
//   a change has its turn    would_block: the thread waits for the turn's end (area_change.h)
//   entry is read-only       copy-on-write: a copy, or the same frame for its last owner
//   entry allows the access  the hart's TLB had an older entry: flush it
#include <async/strand.h>

#include <algorithm>
#include <cstring>

#include "memory/address_space.h"

namespace kernel::memory {

using hal::page_down;
using hal::page_size;
using hal::PageEntry;
using hal::PageTable;

namespace {

/// The part of the file for the page `offset` bytes into its area.
std::span<const std::byte> page_of_file(const Backing& backing, std::size_t offset) {
  const auto rest = backing.file.subspan(std::min(offset, backing.file.size()));
  return rest.first(std::min(rest.size(), page_size));
}

/// Whether the page `offset` bytes into its area lies behind the end of a mapped file.
bool is_past_end(const Backing& backing, std::size_t offset) {
  return backing.kind == Backing::Kind::file && offset >= backing.file.size();
}

// A whole, aligned page of an immutable file is mapped without a copy, if it can have the page's
// address.
bool can_borrow(std::span<const std::byte> contents) {
  return hal::translates_addresses && contents.size() == page_size &&
         hal::page_aligned(reinterpret_cast<std::uintptr_t>(contents.data()));
}

/// A frame for the page at `page`. Without translation map() has taken it already.
PhysAddr frame_for(VirtAddr page) {
  return hal::translates_addresses ? frames.allocate(Use::user) : page;
}

PhysAddr zeroed_frame_for(VirtAddr page) {
  if (hal::translates_addresses) return frames.allocate_zeroed(Use::user);
  hal::zero_page(hal::phys_to_virt(page));
  return page;
}

PhysAddr frame_with(VirtAddr page, std::span<const std::byte> contents) {
  const bool whole = contents.size() == page_size;
  const PhysAddr frame = whole ? frame_for(page) : zeroed_frame_for(page);
  if (frame != 0) std::memcpy(hal::phys_to_virt(frame), contents.data(), contents.size());
  return frame;
}

/// `area`, or null if it is null or a caller that shares the strand cannot resolve a fault at `va`
/// in it.
const Area* resolvable(const Area* area, VirtAddr va, Access wanted) {
  if (area == nullptr || area->backing.object) return nullptr;
  if (!allows(area->rights_in_table(), wanted)) return nullptr;
  return is_past_end(area->backing, page_down(va) - area->start) ? nullptr : area;
}

}  // namespace

Result<> AddressSpace::fault(VirtAddr va, Access wanted) {
  const Area* area = area_at(va);
  if (area == nullptr) return note_no_area(va);
  if (!allows(area->access, wanted)) return fail(Errno::eacces);
  if (!allows(area->rights_in_table(), wanted)) return fail(Errno::enoexec);
  const VirtAddr page = page_down(va);
  if (is_past_end(area->backing, page - area->start)) return fail(Errno::enxio);
  PageEntry* slot = table_.ensure(page);
  if (slot == nullptr) return fail(Errno::enomem);

  if (!slot->empty()) {
    if (wanted == Access::write && !slot->allows(wanted)) return copy_on_write(*area, page, slot);
    tag_.flush_page_here(page);
    return {};
  }

  if (area->backing.object) [[unlikely]]
    [[clang::musttail]] return fault_in_object(page, wanted);
  if (!make_page(*area, page, slot, wanted)) return fail(Errno::enomem);
  if (hal::code_is_read_ahead() && allows(area->access, Access::execute)) make_all_pages(*area);
  return {};
}

/// Resolves a write to a private page if its frame needs no copy. `old` is the entry in `slot`.
[[gnu::always_inline]] inline bool AddressSpace::allow_write(const Area& area, VirtAddr page,
                                                             PageEntry* slot, PageEntry old) {
  check_read_access();
  if (old.allows(Access::write) || is_used_elsewhere(old)) return false;
  hal::set(*slot, old.with(area.rights_in_table()));
  tag_.flush_page_here(page);
  return true;
}

bool AddressSpace::fault_own(VirtAddr va, Access wanted) {
  const Area* const area = resolvable(area_at(va), va, wanted);
  if (area == nullptr) return false;
  const VirtAddr page = page_down(va);
  const bool has_code = allows(area->access, Access::execute);
  if (PageEntry* const slot = has_code ? nullptr : table_.find(page); slot != nullptr) [[likely]] {
    if (!slot->empty()) {
      if (wanted == Access::write && allow_write(*area, page, slot, *slot)) return true;
    } else if (area->backing.kind == Backing::Kind::zeros) {
      const PhysAddr frame = frames.allocate_zeroed_smp(Use::user);
      if (frame == 0) return false;
      put(*area, page, slot, PageEntry::page(frame, area->rights_in_table()));
      return true;
    }
  }
  return fault_own_slowly(va, wanted);
}

[[gnu::noinline]] bool AddressSpace::fault_own_slowly(VirtAddr va, Access wanted) {
  if (!fault(va, wanted)) return false;
  if (code_written_) synchronize_code();
  return true;
}

bool AddressSpace::fault_in_use(VirtAddr va, Access wanted) {
  {
    const async::RwLeafLock::ReadGuard reads{lock_};
    const Area* const area = resolvable(find_area(va), va, wanted);
    if (area == nullptr || allows(area->access, Access::execute)) return false;
    const VirtAddr page = page_down(va);
    if (PageEntry* const slot = table_.find(page); slot != nullptr) [[likely]] {
      // Other harts that read the areas may write to the entry, too. They write the same rights.
      if (const PageEntry old = hal::get(*slot); !old.empty()) {
        if (wanted == Access::write && allow_write(*area, page, slot, old)) return true;
      } else if (area->backing.kind == Backing::Kind::zeros) {
        HartTlbs::Count* const added = counts_elsewhere() ? hart_tlbs_.count_of_added() : nullptr;
        if (added != nullptr) return add_zeros(*area, page, slot, *added);
      }
    }
  }
  return fault_in_use_alone(va, wanted);
}

/// Fills the empty `slot` with a page of zeros. If another hart does so at the same time, one of
/// the two pages stays. False: there is no memory. The caller reads the areas. `added` is the count
/// of this hart.
[[gnu::always_inline]] inline bool AddressSpace::add_zeros(const Area& area, VirtAddr page,
                                                           PageEntry* slot,
                                                           HartTlbs::Count& added) {
  check_read_access();
  const PhysAddr frame = frames.allocate_zeroed_smp(Use::user);
  if (frame == 0) return false;
  if (PageTable::fill_first(slot, PageEntry::page(frame, area.rights_in_table()))) {
    hal::translation_added(page);
    added.fetch_add(1, std::memory_order_relaxed);
  } else {
    frames.drop(frame);
  }
  return true;
}

// resident() if harts count pages in hart_tlbs_.
[[gnu::cold]] std::size_t AddressSpace::count_resident() const {
  return resident_ + hart_tlbs_.added() - elsewhere;
}

/// From now on this hart may add pages while other harts do, too, unless there is no memory for
/// its count. The caller holds the lock.
void AddressSpace::count_elsewhere() {
  if (hart_tlbs_.make_count() && !counts_elsewhere()) resident_ += elsewhere;
}

// The part of fault_in_use() that changes the space, or an existing entry.
[[gnu::noinline]] bool AddressSpace::fault_in_use_alone(VirtAddr va, Access wanted) {
  const VirtAddr page = page_down(va);
  PageEntry old;
  {
    const async::RwLeafLock::Guard lock{lock_};
    const Area* const area = resolvable(area_at(va), va, wanted);
    if (area == nullptr || allows(area->access, Access::execute)) return false;
    count_elsewhere();
    PageEntry* const slot = table_.ensure(page);
    if (slot == nullptr) return false;
    old = *slot;
    if (old.empty()) return make_page(*area, page, slot, wanted);
    if (wanted != Access::write || old.allows(wanted)) {
      tag_.flush_page_here(page);
      return true;
    }
    if (allow_write(*area, page, slot, old)) return true;
  }
  return copy_in_use(page, old);
}

// Copies the frame of `old`, the entry of a private page that is read-only, for a write. The
// copy needs no lock, because no hart writes to that frame. It belongs to the boot archive, or it
// has another owner, and this space keeps its reference as long as the caller shares the strand.
[[gnu::noinline]] bool AddressSpace::copy_in_use(VirtAddr page, PageEntry old) {
  const PhysAddr copy = frames.allocate(Use::user);
  if (copy == 0) return false;
  hal::copy_page(hal::phys_to_virt(copy), hal::phys_to_virt(old.address()));
  {
    const async::RwLeafLock::Guard lock{lock_};
    const Area* const area = resolvable(area_at(page), page, Access::write);
    PageEntry* const slot = area != nullptr ? table_.find(page) : nullptr;
    // If the last other owner has gone meanwhile, another thread may have written to the frame, in
    // place.
    if (slot != nullptr && *slot == old && is_used_elsewhere(old)) {
      hal::set(*slot, PageEntry::page(copy, area->rights_in_table()));
      flush_page(page);
      give_up(old);
      // If system calls write to this page, the kernel's TLB had it until fork() made it read-only.
      if (HartTlbs::has_own_place())
        hart_tlbs_.remember(page, Access::write, hal::phys_to_virt(copy));
      return true;
    }
  }
  frames.drop(copy);  // another thread was faster
  return true;
}

// The first access to a page of an area with a MemoryObject. It finds the area again, so that
// fault() needs no registers for this call.
[[gnu::cold, gnu::noinline]] Result<> AddressSpace::fault_in_object(VirtAddr page, Access wanted) {
  const Area& area = *area_at(page);
  PageEntry* const slot = table_.find(page);
  auto made = area.backing.kind == Backing::Kind::paged_in
                  ? make_page_of_source(area, page, slot, wanted)
                  : make_page_of_object(area, page, slot, wanted);
  if (!made) return made;
  if (hal::code_is_read_ahead() && allows(area.access, Access::execute)) make_all_pages(area);
  return {};
}

Result<> AddressSpace::make_page_of_object(const Area& area, VirtAddr page, PageEntry* slot,
                                           Access wanted) {
  const Backing& backing = area.backing;
  const std::size_t index = backing.first_page + (page - area.start) / page_size;
  const auto frame = backing.pages().frame(index);
  if (!frame) {
    if (frame.error() == Errno::would_block) missed_page_ = page;
    return fail(frame.error());
  }
  Access rights = area.rights_in_table();
  if (backing.is_shared() && backing.pages().tracks_writes()) {
    if (wanted != Access::write) {
      rights = without(rights, Access::write);
    } else if (auto noted = backing.pages().note_write(index); !noted) {
      return noted;
    }
  }
  PhysAddr mapped = *frame;
  // Where the kernel rewrites instructions, it does that in private copies.
  if (backing.is_shared() || (wanted != Access::write && !AreaCode::has_state)) {
    if (!backing.is_shared()) rights = without(rights, Access::write);
    frames.share(mapped);
  } else {
    mapped = frames.allocate(Use::user);
    if (mapped == 0) return fail(Errno::enomem);
    hal::copy_page(hal::phys_to_virt(mapped), hal::phys_to_virt(*frame));
  }
  put(area, page, slot, PageEntry::page(mapped, rights));
  return {};
}

[[gnu::cold]] Result<> AddressSpace::make_page_of_source(const Area& area, VirtAddr page,
                                                         PageEntry* slot, Access wanted) {
  async::Strand::check_access();
  const std::size_t index = area.backing.first_page + (page - area.start) / page_size;
  PageSource& source = area.backing.source();
  if (index >= source.count()) return fail(Errno::enxio);
  if (Frame contents = source.find(index))
    return put_frame(area, page, slot, std::move(contents), wanted);
  missed_page_ = page;
  return fail(Errno::would_block);
}

/// Puts a page of a PageSource into the table. If others own the frame, too, the page is read-only,
/// or for a write a copy.
Result<> AddressSpace::put_frame(const Area& area, VirtAddr page, PageEntry* slot, Frame contents,
                                 Access wanted) {
  Access rights = area.rights_in_table();
  if (frames.shared(contents.address())) {
    // Where the kernel rewrites instructions, it does that in private copies.
    if (wanted == Access::write || AreaCode::has_state) {
      auto copy = Frame::allocate(Use::user);
      if (!copy) return fail(Errno::enomem);
      hal::copy_page(copy.bytes(), contents.bytes());
      contents = std::move(copy);
    } else {
      rights = without(rights, Access::write);
    }
  }
  put(area, page, slot, PageEntry::page(contents.release(), rights));
  return {};
}

[[gnu::cold]] Area* AddressSpace::area_during_change(VirtAddr va) const {
  return is_held_back(va) ? nullptr : areas_.find(va);
}

[[gnu::cold]] Result<> AddressSpace::note_no_area(VirtAddr va) {
  if (!is_held_back(va)) return fail(Errno::efault);
  missed_page_ = page_down(va);
  return fail(Errno::would_block);
}

[[gnu::always_inline]] inline void AddressSpace::put(const Area& area, VirtAddr page,
                                                     PageEntry* slot, PageEntry entry) {
  check_access();
  PageTable::fill(slot, entry);
  hal::translation_added(page);
  ++resident_;
  if (allows(area.access, Access::execute)) code_written_ = true;
}

bool AddressSpace::make_page(const Area& area, VirtAddr page, PageEntry* slot, Access wanted) {
  const PageEntry entry = first_entry(area, page, wanted);
  if (entry.empty()) return false;
  put(area, page, slot, entry);
  if (entry.borrowed()) borrow_around(area, page, slot);
  return true;
}

/// `page` of `area` has just been mapped without a copy. Also maps the pages around it that need no
/// copy. A program that reads or executes a page of a file mostly does so with its neighbours, too.
/// Each page that is mapped costs 20 instructions until the program ends, and a fault costs 400.
void AddressSpace::borrow_around(const Area& area, VirtAddr page, PageEntry* slot) {
  // Where the kernel rewrites instructions, it looks at each page at its first fault.
  if (AreaCode::has_state && allows(area.access, Access::execute)) return;
  check_access();
  // A program uses a larger share of the pages of a small area.
  constexpr std::size_t small_area = 128 * page_size;
  const std::size_t span = (area.end - area.start <= small_area ? 32 : 16) * page_size;
  const std::size_t whole_pages = page_down(area.backing.file.size());
  const VirtAddr start = std::max(area.start, page & ~(span - 1));
  const VirtAddr end = std::min({area.end, area.start + whole_pages, (page | (span - 1)) + 1});
  const Access rights = without(area.rights_in_table(), Access::write);
  const PhysAddr frame = slot->address() - (page - start);
  const std::span run{slot - (page - start) / page_size, (end - start) / page_size};
  const std::size_t added = PageTable::fill_rest(run, PageEntry::borrowed_page(frame, rights));
  resident_ += added;
  borrowed_ += added;
}

void AddressSpace::make_all_pages(const Area& area) {
  for (VirtAddr page = area.start; page < area.end; page += page_size) {
    if (is_past_end(area.backing, page - area.start)) return;
    if (area.backing.kind == Backing::Kind::paged_in) return;
    PageEntry* const slot = table_.ensure(page);
    if (slot == nullptr) return;
    if (!slot->empty()) continue;
    if (area.backing.object) {
      if (area.backing.is_read_first()) return;
      if (!make_page_of_object(area, page, slot, Access::read)) return;
    } else if (!make_page(area, page, slot, Access::read)) {
      return;
    }
  }
}

// The first entry of a page. Empty if there is no memory. The caller puts it into the table.
PageEntry AddressSpace::first_entry(const Area& area, VirtAddr page, Access wanted) {
  const Backing& backing = area.backing;
  const std::size_t offset = page - area.start;
  PhysAddr frame = 0;
  switch (backing.kind) {
    case Backing::Kind::zeros: frame = zeroed_frame_for(page); break;
    case Backing::Kind::segment:
    case Backing::Kind::file: {
      const auto contents = page_of_file(backing, offset);
      if (can_borrow(contents) && wanted != Access::write) {
        ++borrowed_;
        return PageEntry::borrowed_page(hal::virt_to_phys(contents.data()),
                                        without(area.rights_in_table(), Access::write));
      }
      frame = frame_with(page, contents);
      break;
    }
    case Backing::Kind::shared:
    case Backing::Kind::copies:
    case Backing::Kind::paged_in: break;  // see fault_in_object()
  }
  return frame != 0 ? PageEntry::page(frame, area.rights_in_table()) : PageEntry{};
}

// Resolves a write to a page whose entry is read-only, in a private area that allows writing.
Result<> AddressSpace::copy_on_write(const Area& area, VirtAddr page, PageEntry* slot) {
  if (!allow_write(area, page, slot, *slot)) return copy_for_write(area, page, slot);
  return {};
}

[[gnu::noinline]] Result<> AddressSpace::copy_for_write(const Area& area, VirtAddr page,
                                                        PageEntry* slot) {
  check_access();
  if (area.backing.is_shared()) {
    const std::size_t index = area.backing.first_page + (page - area.start) / page_size;
    if (auto noted = area.backing.pages().note_write(index); !noted) return noted;
    hal::set(*slot, slot->with(area.rights_in_table()));
    tag_.flush_page_here(page);
    return {};
  }
  const PageEntry old = *slot;
  const PhysAddr copy = frames.allocate(Use::user);
  if (copy == 0) return fail(Errno::enomem);
  hal::copy_page(hal::phys_to_virt(copy), hal::phys_to_virt(old.address()));
  hal::set(*slot, PageEntry::page(copy, area.rights_in_table()));
  flush_page(page);
  give_up(old);
  if (allows(area.access, Access::execute)) code_written_ = true;
  return {};
}

/// Looks in the page table. `tlb` remembers the page, unless it has instructions and is written:
/// each such write must set code_written_.
template <class Tlb>
[[gnu::always_inline]] inline std::byte* AddressSpace::look_up_into(Tlb& tlb, VirtAddr va,
                                                                    Access wanted) {
  if (!user_range().may_have(va)) return nullptr;
  const PageEntry* const slot = table_.find(va);
  if (slot == nullptr || !slot->allows(wanted)) return nullptr;
  std::byte* const there = hal::phys_to_virt(slot->address()) + va % page_size;
  if (wanted == Access::write && slot->allows(Access::execute)) {
    code_written_ = true;
  } else {
    tlb.remember(va, wanted, there);
  }
  return there;
}

[[gnu::noinline]] std::byte* AddressSpace::look_up(VirtAddr va, Access wanted) {
  if (async::Strand::smp_active()) [[unlikely]]
    return look_up_smp(va, wanted);
  return look_up_into(kernel_tlb_, va, wanted);
}

[[gnu::noinline]] std::byte* AddressSpace::look_up_smp(VirtAddr va, Access wanted) {
  if (std::byte* const there = tlb_lookup(va, wanted)) return there;
  if (async::Strand::is_shared()) return look_up_sharing(va, wanted);
  return look_up_into(hart_tlbs_, va, wanted);
}

std::size_t AddressSpace::pages_to_write(VirtAddr va, std::span<std::byte*> pages) {
  if (async::Strand::is_shared() || !user_range().may_have(va)) return 0;
  const auto entries = table_.entries_from(va);
  const std::size_t most = std::min(entries.size(), pages.size());
  for (std::size_t i = 0; i != most; ++i) {
    const PageEntry entry = entries[i];
    if (!entry.allows(Access::write)) return i;
    if (entry.allows(Access::execute)) code_written_ = true;
    pages[i] = hal::phys_to_virt(entry.address());
  }
  return most;
}

std::byte* AddressSpace::look_up_sharing(VirtAddr va, Access wanted) const {
  if (!user_range().may_have(va)) return nullptr;
  const PageEntry entry = table_.entry(va);
  if (!entry.allows(wanted)) return nullptr;
  // The write would have to set code_written_.
  if (wanted == Access::write && entry.allows(Access::execute)) return nullptr;
  return hal::phys_to_virt(entry.address()) + va % page_size;
}

[[gnu::cold, gnu::noinline]] bool AddressSpace::has_in_table_at(VirtAddr va, Access wanted,
                                                                const std::byte* there) const {
  return look_up_sharing(va, wanted) == there;
}

std::byte* AddressSpace::walk_sharing(VirtAddr va, Access wanted, bool is_own) {
  std::byte* const there = look_up_sharing(va, wanted);
  if (there == nullptr || (!is_own && !HartTlbs::has_own_place())) return there;
  hart_tlbs_.remember(va, wanted, there);
  if (is_own) return there;
  // Pairs with the fence in HartTlbs::forget().
  async::platform::atomic_thread_fence(std::memory_order_seq_cst);
  if (look_up_sharing(va, wanted) != there) hart_tlbs_.forget_here(va);
  return there;
}

Result<std::byte*> AddressSpace::fault_in_slowly(VirtAddr va, Access wanted) {
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  if (const auto made = fault(va, wanted); !made) {
    const bool may_come = made.error() == Errno::enomem || made.error() == Errno::would_block;
    return fail(may_come ? made.error() : Errno::efault);
  }
  return translate(va, wanted);
}

std::optional<PageToRead> AddressSpace::page_to_read(VirtAddr va) {
  const Area* const area = area_at(va);
  if (area == nullptr || !area->backing.is_read_first()) return {};
  const VirtAddr page = page_down(va);
  if (const PageEntry* slot = table_.find(page); slot != nullptr && !slot->empty()) return {};
  const std::size_t index = area->backing.first_page + (page - area->start) / page_size;
  const Backing& backing = area->backing;
  PageSource& source = backing.has_pages() ? *backing.pages().source() : backing.source();
  return PageToRead{.address = page, .source = Ref<PageSource>::share(source), .index = index};
}

Result<> AddressSpace::put_page_in(const PageToRead& paged_in, Frame contents) {
  async::Strand::check_access();
  const auto wanted = page_to_read(paged_in.address);
  if (!wanted || *wanted != paged_in) return {};
  if (area_at(paged_in.address)->backing.has_pages()) return {};  // the object has it now
  PageEntry* const slot = table_.ensure(paged_in.address);
  if (slot == nullptr) return fail(Errno::enomem);
  return put_frame(*area_at(paged_in.address), paged_in.address, slot, std::move(contents),
                   Access::read);
}

inline MemoryKey AddressSpace::key_in(const Area& area, VirtAddr va) const {
  if (!area.backing.is_shared()) {
    return MemoryKey{.object = this, .offset = va - user_range().origin()};
  }
  return MemoryKey{.object = area.backing.object->lasting_name(),
                   .offset = area.backing.first_page * page_size + (va - area.start)};
}

Result<MemoryKey> AddressSpace::writable_key_of(VirtAddr va) const {
  const Area* area = areas_.find(va);
  if (area == nullptr || !allows(area->access, Access::write)) return fail(Errno::efault);
  return key_in(*area, va);
}

// As get_futex_key() of Linux 6.12, kernel/futex/core.c. A page of a file may change,
// unless it is the program's private copy, written while the page was writable.
Result<MemoryKey> AddressSpace::read_only_key_of(VirtAddr va) const {
  using Kind = Backing::Kind;
  const Area* area = areas_.find(va);
  if (area == nullptr || !allows(area->access, Access::read)) return fail(Errno::efault);
  const Backing& backing = area->backing;
  const std::size_t at = page_down(va) - area->start;
  const bool is_in_memory = backing.kind == Kind::file || backing.kind == Kind::segment;
  const bool is_behind = is_in_memory && at >= backing.file.size();
  const bool is_whole = is_in_memory && !is_behind && backing.file.size() - at >= page_size;
  const PageEntry entry = is_whole ? table_.entry(va) : PageEntry{};
  const bool is_copy = !entry.empty() && !entry.borrowed();
  if (backing.kind == Kind::zeros || is_behind || is_copy) return fail(Errno::efault);
  return key_in(*area, va);
}

}  // namespace kernel::memory
