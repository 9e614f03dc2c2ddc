// The address space of a process: the memory that its program sees.
//
// It has two parts. The areas describe the program's mappings (area_set.h). The page table holds
// the pages that have a frame (hal/page_table.h). A page gets its frame at the first access, but on
// a machine without translation when it is mapped (untranslated.cpp).
//
// Invariants:
//   - A page in the table lies in an area and allows at most what the area allows.
//   - A private page is writable in the table only if no other table maps its frame.
//   - Each frame in the table has one reference for that entry, unless the entry is borrowed: its
//     page lies in the boot archive, whose frames are neither counted nor freed.
//
// All functions run in the strand. None of them awaits. Some wait for other harts to flush their
// TLBs. A caller that shares the strand holds lock(), unless its thread is the only user of the
// space. fault_in_use() acquires it itself. A look-up of a page acquires no lock. So while the
// caller holds the lock, other harts may use pages that it removes, and it retires their frames and
// tables (retired_frames.h).
#pragma once

#include <async/rw_leaf_lock.h>
#include <hal/page_table.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "memory/area_change.h"
#include "memory/area_set.h"
#include "memory/frame_chain.h"
#include "memory/frames.h"
#include "memory/kernel_tlb.h"
#include "memory/space_terms.h"
#include "memory/tlb_tag.h"

namespace kernel::memory {

/// How many threads use a space. Only debug builds count them.
class ThreadCount {
 public:
  void add(int more) { count_.fetch_add(more); }
  bool are_several() const { return count_.load(std::memory_order_relaxed) > 1; }

 private:
  std::atomic<int> count_ = 0;
};
struct NoThreadCount {
  void add(int) {}
  bool are_several() const { return false; }
};

class AddressSpace : public RefCounted<AddressSpace> {
 public:
  /// The usual upper end of a program's stack. The stack lies in the first gigabyte of the space,
  /// as most programs do, which saves each process a page table.
  VirtAddr stack_top() const { return user_range().origin() + 0x4000'0000; }
  /// The part of the user range that this space has: all addresses that the program may map.
  const hal::UserRange& user_range() const { return table_.user_range(); }

  /// An empty space. ENOMEM.
  static Result<Ref<AddressSpace>> create();
  /// The end of a space without owners: destroys it. If the caller shares the strand, it retires
  /// the space (async/retired.h).
  static void destroy(const AddressSpace* space);
  /// A copy-on-write copy of the whole space. ENOMEM. A caller that shares the strand may get it
  /// although there is memory.
  Result<Ref<AddressSpace>> fork();
  /// The last process leaves the space: removes its areas from the lists of the objects that
  /// they map, even if harts still own the space.
  void end_tracked_areas() {
    if (has_tracked_areas()) [[unlikely]]
      areas_.untrack_all();
  }
  bool has_tracked_areas() const { return areas_.has_tracked(); }
  /// Whether a walk over the whole space, as in fork(), visits few pages and areas, and needs
  /// nothing that only the strand protects.
  bool is_quick_to_walk() const {
    return is_small() && areas_.size() <= few_areas && !has_tracked_areas();
  }
  /// Starts a fork in steps: returns a copy with all areas and no pages. The caller then calls
  /// copy_pages() for consecutive ranges until they cover user_range(). Meanwhile it has its turn
  /// to change the space (join_change()). ENOMEM.
  Result<Ref<AddressSpace>> begin_fork();
  Result<> copy_pages(AddressSpace& child, VirtAddr start, VirtAddr end);
  /// Whether another hart is in this space.
  bool is_current_elsewhere() const { return tag_.is_current_elsewhere(); }
  /// No other hart may be between enter() and leave() in this space.
  ~AddressSpace();

  /// The lock of the areas and pages. Callers that share the strand acquire it, but not if
  /// their thread is the only user of the space.
  async::RwLeafLock& lock() { return lock_; }
  /// Threads of a process begin to use the space, or end (`more` is negative). The process calls it
  /// before it counts them itself, so that check_access() of another hart sees the new number. Only
  /// debug builds count here.
  void note_threads(int more) { threads_.add(more); }
  /// The longest range whose pages a caller may change under the lock, in bytes.
  static constexpr std::size_t most_bytes_sharing = 64 * hal::page_size;

  // Changes in several steps (area_change.h).

  /// Whether a call changes the space in several steps. Then every other call that changes areas
  /// waits for its turn, and a call that shares the strand is made again in the strand.
  bool is_changing() const { return change_ != nullptr; }
  /// The present change, or a new one. Its memory belongs to the reserve that each thread
  /// adds for its coroutines, so a job joins one change at a time.
  Ref<AreaChange> join_change() {
    recent_ = nullptr;
    return change_ != nullptr ? Ref<AreaChange>::share(*change_)
                              : make_ref<AreaChange>(change_, may_miss_pages_);
  }
  /// Whether a fault at `va` waits for a turn.
  bool is_held_back(VirtAddr va) const { return change_ != nullptr && change_->holds_back(va); }

  /// While it exists, no fault waits for a change. The kernel uses it where it writes to the
  /// program's memory and cannot wait. After such a write the program, too, may write to the page
  /// during the change. Use it in the strand, and do not await while it exists.
  class WithoutWait {
   public:
    explicit WithoutWait(AddressSpace& space)
        : space_{space}, change_{std::exchange(space.change_, nullptr)} {
      async::Strand::check_access();
    }
    WithoutWait(const WithoutWait&) = delete;
    ~WithoutWait() {
      if (change_ == nullptr) return;
      space_.change_ = change_;
      space_.recent_ = nullptr;
    }

   private:
    AddressSpace& space_;
    AreaChange* const change_;
  };

  // System calls. The errors are Linux's.

  /// EINVAL: zero bytes, or a fixed address that is unaligned. EEXIST: an `if_free` range is in
  /// use. ENOMEM.
  Result<VirtAddr> map(MapRequest request);
  /// The errors of map() that do not depend on the place.
  Result<> may_map(const MapRequest& request) const;
  /// EINVAL: zero bytes, an unaligned address, or a range outside user_range(). ENOMEM: the call
  /// would split an area, and there is no memory for the second part.
  Result<> unmap(VirtAddr start, std::size_t bytes);
  /// EINVAL: `start` is unaligned. ENOMEM: a page of the range is not mapped. EACCES: an area must
  /// not become writable. After an error, the pages before the failing one have their new rights.
  Result<> protect(VirtAddr start, std::size_t bytes, Access access);
  /// Whether [start, start + bytes) has at most four areas, without instructions, and no
  /// MemoryObject backs them: their pages are private, and begin as zeros or as a file in memory.
  /// Then a change of the range touches only this space, frames and the heap.
  bool is_plain(VirtAddr start, std::size_t bytes) const;
  static constexpr unsigned most_plain_areas = 4;  // a thread's stack and its guard page are two
  /// Drops the pages of the range, so that the next access starts again from their backing
  /// (MADV_DONTNEED). EINVAL: `start` is unaligned, or the range wraps around. ENOMEM: a page of
  /// the range is not mapped; the mapped ones are dropped, unless the range leaves user_range().
  Result<> discard(VirtAddr start, std::size_t bytes);
  /// mremap() of an area that grows or moves. `old_bytes` are the pages that it keeps, 0 for a
  /// second mapping of a shared object; `request` has the place and the new size. Adds the area at
  /// the new place, and returns its address. The caller then calls copy_entries(), and unmaps or
  /// discards the old pages. If the area can grow where it is, does that, and returns `old`.
  /// EFAULT: [old, old + old_bytes) does not lie in one area, or `old` in none. EINVAL; ENOMEM.
  Result<VirtAddr> remap(VirtAddr old, std::size_t old_bytes, MapRequest request, bool may_move);
  /// Maps the frames of [from, from + bytes) at `to`, too. A page that is there already is
  /// replaced. ENOMEM: some pages are missing there.
  Result<> copy_entries(VirtAddr from, VirtAddr to, std::size_t bytes);
  /// Writes for each page of [start, start + out.size() pages), which is mapped, whether an access
  /// finds it in memory (mincore).
  void find_in_memory(VirtAddr start, std::span<std::uint8_t> out) const;
  /// Removes [start, end), pages of `area`, from the table: its object has lost them.
  /// `drops_copies`: private copies, too. `gone` takes frames without another owner. The caller
  /// calls flush_removed() for each space before it frees `gone`, and before the object drops its
  /// references on the frames, all in one step in the strand. So a step with many areas sends few
  /// IPIs, and nothing reuses a frame or a page table before the flush.
  void remove_object_pages(const Area& area, VirtAddr start, VirtAddr end, bool drops_copies,
                           FrameChain& gone);
  void flush_removed() {
    if (std::exchange(has_removed_, false)) flush(user_range().begin(), user_range().end());
  }
  /// Whether every page of [start, end) is mapped.
  bool is_mapped(VirtAddr start, VirtAddr end) const;

  /// Sets the start of the heap (brk). The loader calls it once, after it has mapped the last
  /// segment.
  void set_break_start(VirtAddr start);
  /// Whether set_break(wanted) would make the heap smaller.
  bool shrinks_heap(VirtAddr wanted) const { return wanted >= break_start_ && wanted < break_; }
  /// Whether `area` is the heap, or a part of it.
  bool is_heap(const Area& area) const {
    return area.end > break_start_ && area.end <= hal::page_up(break_);
  }
  /// Moves the end of the heap. Returns the new end, or the old one if the move fails.
  /// `most_bytes`: see MapRequest.
  VirtAddr set_break(VirtAddr wanted, std::size_t most_bytes = SIZE_MAX);

  // Page faults and the kernel's own access.

  /// Resolves a page fault: makes the access `wanted` (read, write or execute) possible at `va`.
  /// EFAULT: nothing is mapped there. EACCES: the area forbids the access. ENXIO: the page is
  /// behind the end of the mapped file. ENOEXEC: the kernel must inspect the instructions first
  /// (process/code_rewriting.h). would_block: the page needs a page-in, or is_held_back(va).
  /// ENOMEM.
  Result<> fault(VirtAddr va, Access wanted);
  /// fault() for a caller that shares the strand, if only its thread uses the space. Returns false
  /// if the fault must be resolved in the strand: a MemoryObject backs the page, or there is an
  /// error.
  bool fault_own(VirtAddr va, Access wanted);
  /// Like fault_own(), if other threads use the space. Returns false also if the page has
  /// instructions, or if there is no memory. After true, the program must retry its access, which
  /// may fault again. Takes the lock: only to read for the first access to a page of zeros, and for
  /// a write to a page whose frame no other table maps. So several harts resolve such faults at
  /// the same time.
  bool fault_in_use(VirtAddr va, Access wanted);
  /// Returns the kernel address of the byte at `va`, and faults the page in if necessary. The
  /// address is valid up to the end of the page and until the next change of this space. EFAULT:
  /// nothing is mapped, or the area forbids the access. would_block: the page needs a page-in, and
  /// missed_page() names it. ENOMEM. If the step shares the strand (Strand::is_shared()), it
  /// returns would_block for each page that needs a fault, and the caller tries again in the
  /// strand.
  Result<std::byte*> fault_in(VirtAddr va, Access wanted) {
    if (std::byte* there = translate(va, wanted)) [[likely]]
      return there;
    return fault_in_slowly(va, wanted);
  }
  /// Like fault_in(), but returns null if the access needs a page fault.
  std::byte* translate(VirtAddr va, Access wanted) {
    if (std::byte* const there = kernel_tlb_.find(va, wanted)) [[likely]]
      return there;
    return look_up(va, wanted);
  }
  /// Writes to `pages` the kernel addresses of the page of `va` and of the pages behind it, as many
  /// as the program may write to without a fault. Returns their number, which may be smaller: the
  /// rest may need another call. 0 if the caller shares the strand. The addresses are valid until
  /// the next change of this space.
  std::size_t pages_to_write(VirtAddr va, std::span<std::byte*> pages);
  /// Like translate(), but looks only in the kernel's TLB of this hart. Null: not cached, or one
  /// hart runs alone. For callers that share the strand.
  std::byte* tlb_lookup(VirtAddr va, Access wanted) const { return hart_tlbs_.find(va, wanted); }
  /// The same while one hart runs alone. Null: not cached, or several harts run.
  std::byte* tlb_lookup_alone(VirtAddr va, Access wanted) const {
    return kernel_tlb_.find(va, wanted);
  }
  /// Whether the byte at `va` is at `there`, so that the access needs no fault. For callers that
  /// share the strand.
  bool has_at(VirtAddr va, Access wanted, const std::byte* there) const {
    if (tlb_lookup(va, wanted) == there) [[likely]]
      return true;
    return has_in_table_at(va, wanted, there);
  }
  /// Whether the page of `va` is in memory and the program may write it. For callers that share the
  /// strand.
  bool is_writable_now(VirtAddr va) const {
    return tlb_lookup(va, Access::write) != nullptr ||
           look_up_sharing(va, Access::write) != nullptr;
  }
  /// Like translate(), but looks only in the page table. The kernel's TLB of this hart remembers
  /// the page, if no other hart can change that TLB meanwhile. The caller shares the strand.
  /// `is_own`: only its thread uses the space.
  std::byte* walk_sharing(VirtAddr va, Access wanted, bool is_own);
  /// Like fault_in(), but pins the frame, for example for DMA. The frame is not reused while the
  /// result exists, even if the program unmaps the page.
  Result<PinnedByte> pin(VirtAddr va, Access wanted) {
    const auto there = fault_in(va, wanted);
    if (!there) return fail(there.error());
    const hal::PageEntry entry = *table_.find(va);
    if (entry.borrowed()) return PinnedByte{*there, {}};  // never freed
    frames.share(entry.address());
    return PinnedByte{*there, Frame::adopt(entry.address())};
  }

  /// Whether `va` lies in a file mapping (mmap). The program's own segments do not count.
  bool is_mapped_file(VirtAddr va) {
    const Area* const area = areas_.find(va);
    return area != nullptr &&
           (area->backing.kind == Backing::Kind::file || area->backing.is_read_first());
  }

  // Page-ins (process/page_in.h).

  /// Whether an access may have to wait: an area has been mapped whose pages need page-ins, or a
  /// change in steps may hold faults back.
  bool may_miss_pages() const { return may_miss_pages_ != 0; }
  /// Whether the space has ever had an area whose pages other spaces may map, too. Callers that
  /// share the strand need no lock for this.
  bool has_shared_areas() const { return has_shared_areas_; }
  /// The page of the last access that failed because it needs a page-in, or was held back.
  std::optional<VirtAddr> missed_page() const {
    if (missed_page_ == no_page_missed) return {};
    return missed_page_;
  }
  /// Returns missed_page() and clears it. The caller then calls page_in() (process/page_in.h).
  std::optional<VirtAddr> take_missed_page() {
    const auto page = missed_page();
    missed_page_ = no_page_missed;
    return page;
  }
  /// Undoes take_missed_page(), which returned `page`.
  void restore_missed_page(std::optional<VirtAddr> page) {
    missed_page_ = page.value_or(no_page_missed);
  }
  /// The page to read for an access to `va`. Empty if no page-in is needed, or is_held_back(va).
  std::optional<PageToRead> page_to_read(VirtAddr va);
  /// Maps a page that has been read. Does nothing if page_to_read() for its address returns another
  /// answer than before the page-in. Fails with ENOMEM.
  Result<> put_page_in(const PageToRead& paged_in, Frame contents);

  /// The key of a futex at `va` that other processes may use. EFAULT: nothing is mapped there, or
  /// no program can change the word, because it lies in a read-only private page that is not a
  /// file's.
  Result<MemoryKey> key_of(VirtAddr va) const {
    const auto key = writable_key_of(va);
    if (!key) [[unlikely]]
      return read_only_key_of(va);
    return key;
  }

  // Running programs.

  /// Makes this the hart's live address space, until leave(). The caller installs the returned
  /// token.
  hal::TranslationToken enter() {
    if (code_written_) [[unlikely]]
      synchronize_code();
    return tag_.enter(table_);
  }
  /// Prepares may_enter_sharing() for the first step of the first thread of a new space, if it
  /// shares the strand.
  void begin_sharing() { tag_.begin_sharing(table_); }
  /// enter() in a step that shares the strand, after may_enter_sharing() has returned true in it.
  hal::TranslationToken enter_sharing() { return tag_.enter_sharing(); }
  void leave() { tag_.leave(); }
  /// Whether enter_sharing() may follow: the space needs no new ASID and no synchronize_code().
  bool may_enter_sharing() const { return !code_written_ && tag_.has_asid(); }

  // membarrier(2).

  /// The commands of registrations, as bits. In the strand.
  std::uint16_t barriers() const { return barriers_; }
  void add_barriers(std::uint16_t registration) { barriers_ |= registration; }
  /// When this returns, each other hart that is in the space has executed a memory barrier, and
  /// has dropped instructions that it had fetched. In the strand.
  void fence_harts() { tag_.fence_others(); }

  /// Whether the kernel has mapped or written instructions since the last synchronize_code().
  bool code_written() const { return code_written_; }
  /// Makes all harts fetch the written instructions in this space (fence.i).
  void synchronize_code() {
    code_written_ = false;
    tag_.synchronize_code();
  }

  // Steps: one step visits at most step_pages pages, which takes about ten microseconds.

  /// Whether one step can visit all resident pages.
  bool is_small() const {
    return resident_ <= step_pages || (counts_elsewhere() && count_resident() <= step_pages);
  }
  /// The end of a step that begins at `start` and must not pass `end`.
  VirtAddr end_of_step(VirtAddr start, VirtAddr end) const {
    return is_small() ? end : table_.end_of_walk(start, end, step_pages);
  }
  /// Whether [start, start + length) is a valid range whose unmapping takes more than one step.
  [[gnu::always_inline]] bool takes_steps(VirtAddr start, std::size_t length) const {
    if (is_small() || length > hal::user_end) return false;
    const VirtAddr end = start + hal::page_up(length);
    return hal::page_aligned(start) && hal::below_end(user_range(), start, end - start) &&
           end_of_step(start, end) != end;
  }

  // Accounts.

  /// Pages in the table.
  std::size_t resident() const { return counts_elsewhere() ? count_resident() : resident_; }
  /// Pages in the table that are not borrowed: destroying the space may free their frames.
  std::size_t own_pages() const { return resident() - borrowed_; }
  const AreaSet& areas() const { return areas_; }

 private:
  friend class CodeChange;  // rewrites instructions, on machines that need that (rewritten/)

  static constexpr std::size_t step_pages = 256;
  static constexpr std::size_t few_areas = 64;

  explicit AddressSpace(hal::PageTable table)
      : table_(std::move(table)), areas_{table_.user_range().begin(), this} {}

  // Removes the page of `va` from the kernel's TLB and from the TLBs of all harts. Call it after
  // the page's entry was removed, or has lost a right. When it returns, no hart uses the old entry.
  void flush_page(VirtAddr va) {
    if (hal::smp_active()) [[unlikely]]
      return flush_page_smp(va);
    kernel_tlb_.forget(va);
    tag_.flush_page_alone(va);
  }
  void flush_page_smp(VirtAddr va);
  // Like flush_page(), for the pages of [start, end). May remove other pages of the space, too.
  void flush(VirtAddr start, VirtAddr end) {
    if (hal::smp_active()) [[unlikely]]
      return flush_smp(start, end);
    kernel_tlb_.forget_all();
    tag_.flush_alone();
  }
  void flush_smp(VirtAddr start, VirtAddr end);

  /// Whether the frame of `entry` has other owners, so that a write to it must copy it.
  static bool is_used_elsewhere(hal::PageEntry entry) {
    return entry.borrowed() || frames.shared(entry.address());
  }
  void forget_page(hal::PageEntry entry);
  std::size_t forget_pages(std::span<hal::PageEntry> run);
  std::size_t forget_pages_smp(std::span<hal::PageEntry> run);
  template <class Drop>
  std::size_t drop_pages(std::span<hal::PageEntry> run, Drop drop);
  void give_up(hal::PageEntry entry);  // drops the frame of an entry that was replaced
  /// Whether the caller shares the strand and holds the lock, because other threads use the space,
  /// too. The caller changes the space, so no other hart can hold the lock.
  bool is_locked_by_sharer() const { return lock_.is_taken(); }
  /// Fails in debug builds unless the caller may change the space: it is in the strand, holds the
  /// lock, or its thread is the only user.
  void check_access() const {
    if (threads_.are_several()) lock_.check_access();
  }
  /// Fails in debug builds if another job has its turn to change the areas.
  void check_turn() const {
    if constexpr (async::platform::checked) {
      if (is_changing() && !change_->is_own())
        async::platform::fail("areas change during another job's turn");
    }
  }
  /// Like check_access(), for a change that a hart may also make while it holds the lock to read.
  void check_read_access() const {
    if (threads_.are_several()) lock_.check_read();
  }
  void remove_pages(VirtAddr start, VirtAddr end);
  void remove_pages_in_use(VirtAddr start, VirtAddr end);

  /// A free range for a new area, and the area below it.
  struct Gap {
    VirtAddr start = 0;
    Area* before = nullptr;
  };
  VirtAddr map_object(MapRequest&& request, Gap gap);
  bool may_add_areas() const;
  std::size_t mapped_bytes(VirtAddr start, VirtAddr end) const;
  bool is_too_much(const MapRequest& request, std::size_t bytes) const;
  Result<Gap> find_gap(std::size_t bytes);
  Result<Gap> choose_place(const MapRequest& request, std::size_t bytes);
  // Without translation (untranslated.cpp):
  Result<Gap> take_frames(const MapRequest& request, std::size_t bytes);
  void fill_pages(VirtAddr start, VirtAddr end);
  void fill_pages_again(VirtAddr start, VirtAddr end);
  void unmap_from(Area* area, VirtAddr start, VirtAddr end);
  Result<> unmap_middle(Area* area, VirtAddr start, VirtAddr end);

  /// The pages in [start, end) may have their original contents again.
  void reset_code(VirtAddr start, VirtAddr end);

  bool is_recent(VirtAddr va) const { return recent_ != nullptr && recent_->contains(va); }
  /// The area at `va`. Null: there is none, or is_held_back(va).
  Area* find_area(VirtAddr va) const {
    if (is_recent(va)) return recent_;
    return is_changing() ? area_during_change(va) : areas_.find(va);
  }
  /// find_area(), which finds the same area faster next time.
  Area* area_at(VirtAddr va) {
    if (is_recent(va)) [[likely]]
      return recent_;
    if (is_changing()) [[unlikely]]
      return area_during_change(va);
    return recent_ = areas_.find(va);
  }
  Area* area_during_change(VirtAddr va) const;
  MemoryKey key_in(const Area& area, VirtAddr va) const;
  Result<MemoryKey> writable_key_of(VirtAddr va) const;
  [[gnu::cold]] Result<MemoryKey> read_only_key_of(VirtAddr va) const;
  std::byte* look_up(VirtAddr va, Access wanted);
  std::byte* look_up_smp(VirtAddr va, Access wanted);
  template <class Tlb>
  std::byte* look_up_into(Tlb& tlb, VirtAddr va, Access wanted);
  std::byte* look_up_sharing(VirtAddr va, Access wanted) const;
  bool has_in_table_at(VirtAddr va, Access wanted, const std::byte* there) const;
  Result<std::byte*> fault_in_slowly(VirtAddr va, Access wanted);
  hal::PageEntry first_entry(const Area& area, VirtAddr page, Access wanted);
  /// Fills the empty `slot`. False: there is no memory.
  bool make_page(const Area& area, VirtAddr page, hal::PageEntry* slot, Access wanted);
  void borrow_around(const Area& area, VirtAddr page, hal::PageEntry* slot);
  Result<> fault_in_object(VirtAddr page, Access wanted);
  /// Fills the empty `slot`. ENXIO, ENOMEM: the object has no such page.
  Result<> make_page_of_object(const Area& area, VirtAddr page, hal::PageEntry* slot,
                               Access wanted);
  Result<> make_page_of_source(const Area& area, VirtAddr page, hal::PageEntry* slot,
                               Access wanted);
  Result<> put_frame(const Area& area, VirtAddr page, hal::PageEntry* slot, Frame contents,
                     Access wanted);
  Result<> note_no_area(VirtAddr va);
  void put(const Area& area, VirtAddr page, hal::PageEntry* slot, hal::PageEntry entry);
  /// Whether harts count some of the pages in hart_tlbs_.
  bool counts_elsewhere() const { return resident_ >= elsewhere / 2; }
  void count_elsewhere();
  std::size_t count_resident() const;
  /// Faults in all pages of the area. Stops when memory runs out.
  void make_all_pages(const Area& area);
  Result<> copy_on_write(const Area& area, VirtAddr page, hal::PageEntry* slot);
  Result<> copy_for_write(const Area& area, VirtAddr page, hal::PageEntry* slot);
  bool allow_write(const Area& area, VirtAddr page, hal::PageEntry* slot, hal::PageEntry old);
  bool add_zeros(const Area& area, VirtAddr page, hal::PageEntry* slot, HartTlbs::Count& added);
  bool fault_own_slowly(VirtAddr va, Access wanted);
  bool fault_in_use_alone(VirtAddr va, Access wanted);
  bool copy_in_use(VirtAddr page, hal::PageEntry old);

  // On the cache line of the count of owners: what faults and changes of the areas write.
  // For callers that share the strand: protects areas_, recent_, break_, resident_, borrowed_ and
  // the entries of table_. Harts that hold it to read may fill an empty entry of a page, and give
  // an entry the area's right to write.
  async::RwLeafLock lock_;
  [[no_unique_address]] std::conditional_t<async::platform::checked, ThreadCount, NoThreadCount>
      threads_;  // those that use the space
  // The pages in the table that are not counted in hart_tlbs_, plus `elsewhere` if some pages are
  // counted there.
  std::size_t resident_ = 0;
  static constexpr std::size_t elsewhere = std::size_t{1} << 62;
  std::size_t borrowed_ = 0;  // of resident_: entries without a reference on their frame
  VirtAddr break_start_ = 0;
  VirtAddr break_ = 0;
  static constexpr VirtAddr no_page_missed = 1;  // not a page address
  VirtAddr missed_page_ = no_page_missed;
  AreaChange* change_ = nullptr;
  std::uint8_t may_miss_pages_ = 0;  // a set of MissCause
  [[no_unique_address]] CodeGeneration code_generation_;

  // What most calls only read.
  alignas(64) hal::PageTable table_;
  async::SharedWord<bool> has_shared_areas_ = false;
  bool code_written_ = false;
  std::uint16_t barriers_ = 0;
  bool has_removed_ = false;  // remove_object_pages() has removed pages since the last flush
  HartTlbs hart_tlbs_;

  alignas(64) TlbTag tag_;
  alignas(64) KernelTlb kernel_tlb_;  // if several harts run, it remembers nothing
  AreaSet areas_;
  Area* recent_ = nullptr;  // area of the last fault; reset whenever an area may be removed, and
                            // null while the space is_changing()
};

/// What protects the kernel and programs from other programs, on a machine without translation.
/// Boot prints it.
std::string_view protection();

}  // namespace kernel::memory

namespace kernel {
using memory::AddressSpace;
}  // namespace kernel
