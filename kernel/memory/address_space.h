// The address space of a process: what a program sees as memory.
//
// It is two things kept in step: the *areas*, what the program asked for (area_set.h), and the
// *page table*, what it has used so far (hal/page_table.h). A page gets a frame when it is first
// touched.
//
// What always holds:
//   - a page in the table lies in an area, and may do at most what the area allows;
//   - a private page is writable in the table only if no other table has its frame;
//   - every frame in the table is counted once for it, except borrowed ones.
//
// In the strand. Nothing here waits, except for other harts to forget translations.
#pragma once

#include <hal/page_table.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "memory/area_set.h"
#include "memory/frames.h"
#include "memory/kernel_tlb.h"
#include "memory/space_terms.h"
#include "memory/tlb_tag.h"

namespace kernel::memory {

class AddressSpace : public RefCounted<AddressSpace> {
 public:
  /// Program stacks end here: in the gigabyte that most programs are linked into, which saves each
  /// process a page table.
  VirtAddr stack_top() const { return window().origin() + 0x4000'0000; }
  /// All addresses that its program may have.
  const hal::UserWindow& window() const { return table_.window(); }

  /// An empty space. ENOMEM.
  static Result<Ref<AddressSpace>> create();
  /// A copy that shares all private pages until one side writes. ENOMEM.
  Result<Ref<AddressSpace>> fork();
  /// The same in steps: a copy with all areas and no pages, which get there by copy_pages() over
  /// the window, in order. Nothing else may happen to either of the two meanwhile.
  /// ENOMEM.
  Result<Ref<AddressSpace>> begin_fork();
  Result<> copy_pages(AddressSpace& child, VirtAddr start, VirtAddr end);
  /// No other hart may be between enter() and leave().
  ~AddressSpace();

  // What system calls do; errors are Linux's.

  /// EINVAL for no bytes or an unaligned fixed address, EEXIST (if_free), ENOMEM.
  Result<VirtAddr> map(MapRequest request);
  /// EINVAL for no bytes, an unaligned address, or a range that is not the program's; ENOMEM where
  /// it would cut an area in two and there is no memory for that.
  Result<> unmap(VirtAddr start, std::size_t bytes);
  /// EINVAL unaligned; where a page of the range is not mapped ENOMEM, where it may not become
  /// writable EACCES (those before it are done).
  Result<> protect(VirtAddr start, std::size_t bytes, Access access);
  /// Forgets the contents of private pages: they start anew from their backing (MADV_DONTNEED).
  /// EINVAL unaligned; ENOMEM where something is not mapped (the rest is done).
  Result<> discard(VirtAddr start, std::size_t bytes);
  /// Whether all of it is.
  bool is_mapped(VirtAddr start, VirtAddr end) const;

  /// Where the heap begins: the loader says so once, after the last segment.
  void set_break_start(VirtAddr start);
  /// Whether set_break(wanted) would make the heap smaller.
  bool shrinks_heap(VirtAddr wanted) const { return wanted >= break_start_ && wanted < break_; }
  /// Moves the end of the heap; returns where it is afterwards, unchanged if it cannot be moved.
  /// `most_bytes`: see MapRequest.
  VirtAddr set_break(VirtAddr wanted, std::size_t most_bytes = SIZE_MAX);

  // Page faults and the kernel's own access.

  /// Makes `wanted` (one of read, write, execute) possible at `va`. EFAULT: nothing is mapped
  /// there; EACCES: the area does not allow it; ENXIO: the mapped file ends before; ENOEXEC: its
  /// instructions have to be seen first (code_at); ERESTART: it has to be paged_in first; ENOMEM.
  Result<> fault(VirtAddr va, Access wanted);
  /// Where the kernel finds the byte at `va`, good to the end of its page and until the next change
  /// of this space. EFAULT, also for what is not allowed; ERESTART: it has to be paged_in, which
  /// missed_page() names; ENOMEM.
  Result<std::byte*> fault_in(VirtAddr va, Access wanted) {
    if (std::byte* there = translate(va, wanted)) [[likely]]
      return there;
    return fault_in_slowly(va, wanted);
  }
  /// What `fault_in` answers where the page is there and allows it; null where it is not yet.
  std::byte* translate(VirtAddr va, Access wanted) {
    if (std::byte* const there = tlb_lookup(va, wanted)) [[likely]]
      return there;
    return look_up(va, wanted);
  }
  /// … where the kernel has found it lately; null where it has to look, or is not there.
  std::byte* tlb_lookup(VirtAddr va, Access wanted) const { return kernel_tlb_.find(va, wanted); }
  /// The same for somebody else who will read or write there, a device say, in his own time: what
  /// he was shown stays what it is, whatever becomes of the page meanwhile.
  Result<PinnedByte> pin(VirtAddr va, Access wanted) {
    const auto there = fault_in(va, wanted);
    if (!there) return fail(there.error());
    const hal::PageEntry entry = *table_.find(va);
    if (entry.borrowed()) return PinnedByte{*there, {}};  // nobody's, there for ever
    frames.share(entry.address());
    return PinnedByte{*there, Frame::adopt(entry.address())};
  }

  /// Whether what is mapped at `va` is a file that the program has mapped itself.
  bool is_mapped_file(VirtAddr va) {
    const Area* const area = area_at(va);
    return area != nullptr && (area->backing.kind == Backing::Kind::file ||
                               area->backing.kind == Backing::Kind::paged_in);
  }

  // Pages that are paged_in (process/page_in.h).

  /// Whether there may be any.
  bool has_paged_areas() const { return has_paged_areas_; }
  /// The page that was asked for last and was not there.
  std::optional<VirtAddr> missed_page() const {
    if (missed_page_ == no_page_missed) return {};
    return missed_page_;
  }
  /// … From here on it is the caller's to see to.
  std::optional<VirtAddr> take_missed_page() {
    const auto page = missed_page();
    missed_page_ = no_page_missed;
    return page;
  }
  /// Nobody knows any more which one it was.
  void note_missed_page() { missed_page_ = 0; }
  /// What take_missed_page() has answered is asked for again.
  void restore_missed_page(std::optional<VirtAddr> page) {
    missed_page_ = page.value_or(no_page_missed);
  }
  bool has_missed_page() const { return missed_page_ != no_page_missed; }
  /// What has to be paged_in for `va`; nothing where that is not so (any more).
  std::optional<PageToRead> page_to_read(VirtAddr va);
  /// It has come: the program has it, unless it has something else there by now. ENOMEM.
  Result<> put_page_in(const PageToRead& paged_in, Frame contents);

  // Changing a program's code (code.cpp), where hal::code_is_seen_first() or a program needs it.

  /// Nothing where nothing is executable.
  std::optional<CodeArea> code_at(VirtAddr va) const;
  /// No hart can reach the area until set_code() says what it is. Nothing else may happen to the
  /// space meanwhile.
  void hide_code(const CodeArea& area);
  /// Another page in the place of the one at `page`, in a hidden area, or where there was none.
  /// ENOMEM.
  Result<> replace_code(VirtAddr page, Frame contents);
  /// What is known of [start, end), whole pages of one area, from now on.
  void set_code(VirtAddr start, VirtAddr end, Code code);

  /// EFAULT when nothing is mapped at `va`.
  Result<MemoryKey> key_of(VirtAddr va) const;

  // Running.

  /// This hart is about to translate by the value that this answers, until leave().
  hal::TranslationToken enter() {
    if (code_written_) [[unlikely]]
      synchronize_code();
    return tag_.enter(table_);
  }
  void leave() { tag_.leave(); }

  /// Whether instructions were put into pages since they were last synchronized.
  bool code_written() const { return code_written_; }
  /// From here on every hart executes in this space what was written.
  void synchronize_code() {
    code_written_ = false;
    tag_.synchronize_code();
  }

  // Steps: no more pages are gone through at once than take some ten microseconds.

  /// Whether all there is is one step.
  bool is_small() const { return resident_ <= step_pages; }
  /// Where a step ends that begins at `start` and wants to get to `end`.
  VirtAddr end_of_step(VirtAddr start, VirtAddr end) const {
    return is_small() ? end : table_.end_of_walk(start, end, step_pages);
  }

  // Accounts.

  /// Pages in the table.
  std::size_t resident() const { return resident_; }
  /// … whose frames, its own or shared, may become free with this space.
  std::size_t own_pages() const { return resident_ - borrowed_; }
  const AreaSet& areas() const { return areas_; }

 private:
  static constexpr std::size_t step_pages = 256;

  explicit AddressSpace(hal::PageTable table)
      : table_(std::move(table)), holes_below_{window().end()} {}

  // Something was taken from the table: nobody finds it any more.
  void flush_page(VirtAddr va) {
    kernel_tlb_.forget(va);
    tag_.flush_page(va);
  }
  void flush() {
    kernel_tlb_.forget_all();
    tag_.flush();
  }

  void forget_page(hal::PageEntry entry);
  void give_up(hal::PageEntry entry);  // which was in the table, where another one is now
  void remove_pages(VirtAddr start, VirtAddr end);
  void remove_pages_in_use(VirtAddr start, VirtAddr end);

  /// Where a new area goes, and the area below that place.
  struct Hole {
    VirtAddr start = 0;
    Area* before = nullptr;
  };
  bool may_add_areas() const;
  std::size_t mapped_bytes(VirtAddr start, VirtAddr end) const;
  bool is_too_much(const MapRequest& request, std::size_t bytes) const;
  Result<Hole> find_hole(std::size_t bytes);
  Result<Hole> choose_place(const MapRequest& request, std::size_t bytes);
  void unmap_from(Area* area, VirtAddr start, VirtAddr end);

  /// What the table lets the program do to the pages of an area.
  static Access rights_in_table(const Area& area) {
    if (!hal::code_is_seen_first()) return area.access;
    if (area.code == Code::ready || area.code == Code::added) return area.access;
    return without(area.access, Access::execute);
  }
  /// Some pages of [start, end) may be as they were in the beginning.
  void begin_code_anew(VirtAddr start, VirtAddr end);
  void note_code_change(Access access) {
    if (hal::changes_code && allows(access, Access::execute)) ++code_generation_;
  }

  Area* area_at(VirtAddr va) {
    if (recent_ != nullptr && recent_->contains(va)) return recent_;
    return recent_ = areas_.find(va);
  }
  std::byte* look_up(VirtAddr va, Access wanted);
  Result<std::byte*> fault_in_slowly(VirtAddr va, Access wanted);
  hal::PageEntry first_entry(const Area& area, VirtAddr page, Access wanted);
  /// False: there is no memory.
  bool make_page(const Area& area, VirtAddr page, hal::PageEntry* slot, Access wanted);
  Result<> note_miss(const Area& area, VirtAddr page);
  void put(const Area& area, VirtAddr page, hal::PageEntry* slot, hal::PageEntry entry);
  /// As far as there is memory.
  void make_all_pages(const Area& area);
  Result<> copy_on_write(const Area& area, VirtAddr page, hal::PageEntry* slot);

  hal::PageTable table_;
  AreaSet areas_;
  Area* recent_ = nullptr;  // the area of the last fault; dropped whenever an area goes
  std::size_t resident_ = 0;
  std::size_t borrowed_ = 0;  // of which the frames are nobody's
  VirtAddr break_start_ = 0;
  VirtAddr break_ = 0;
  VirtAddr holes_below_;  // nothing is free from here to the window's end
  TlbTag tag_;
  KernelTlb kernel_tlb_;
  static constexpr VirtAddr no_page_missed = 1;  // no page begins there
  VirtAddr missed_page_ = no_page_missed;
  bool has_paged_areas_ = false;
  bool code_written_ = false;
  std::uint64_t code_generation_ = 0;  // see CodeArea
};

}  // namespace kernel::memory

namespace kernel {
using memory::AddressSpace;
}  // namespace kernel
