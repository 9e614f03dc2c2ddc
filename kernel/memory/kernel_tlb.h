// A software TLB for the kernel's accesses to a program's memory. It caches where pages lie in the
// direct map. Code that removes or restricts an entry of the page table must call forget() as it
// flushes the harts' TLBs. Added entries need no call. The cache is direct-mapped by page number,
// with separate entries for reads and writes.
//
// An address space has one KernelTlb. If several harts run, it has HartTlbs instead: a KernelTlb
// for each hart that accesses the space, so that threads on different harts replace no entries of
// each other.
//
// All functions run in the strand. A caller that shares it may call those of HartTlbs. If other
// threads use the space, too, it calls remember() only if has_own_place() is true. Then one hart
// may remember a page while another one removes it:
//
//   looks up                           changes
//   1. it reads the entry              1. it changes the entry
//   2. it remembers the page           2. it forgets the page, where it is known
//   3. it reads the entry again, and
//      forgets the page if it differs
//
// With a fence before the last step of each, at least one of the harts sees what the other one did
// (Dekker). So no old page stays known. The hart on the left may still use the old frame as long as
// it shares the strand (retired_frames.h). A lost entry does no harm.
#pragma once

#include <async/shared_word.h>
#include <hal/hart.h>
#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>

#include <array>
#include <cstddef>

namespace kernel::memory {

class KernelTlb {
 public:
  /// The kernel address of the byte at `va`, for reading or writing. It is valid up to the end of
  /// the page. Null: not cached.
  std::byte* find(hal::VirtAddr va, hal::Access wanted) const {
    const View& view = of(wanted)[line(va)];
    if (view.page != page_of(va)) return nullptr;
    std::byte* const there = view.at + va;
    [[assume(there != nullptr)]];
    return there;
  }
  void remember(hal::VirtAddr va, hal::Access wanted, std::byte* there) {
    View& view = of(wanted)[line(va)];
    view.page = page_of(va);
    view.at = there - va;
  }
  void forget(hal::VirtAddr va) { read_[line(va)].page = written_[line(va)].page = no_page; }
  void forget_all() { read_ = written_ = {}; }
  /// Forgets the pages in [start, end). Writes only to the entries of these pages.
  void forget_known(hal::VirtAddr start, hal::VirtAddr end);

 private:
  static constexpr hal::VirtAddr no_page = ~hal::VirtAddr{0};
  struct View {
    async::SharedWord<hal::VirtAddr> page = no_page;
    async::SharedWord<std::byte*> at = nullptr;  // kernel address minus program address
  };
  static constexpr std::size_t lines = 8;
  using Views = std::array<View, lines>;

  static std::size_t line(hal::VirtAddr va) { return va / hal::page_size % lines; }
  static hal::VirtAddr page_of(hal::VirtAddr va) { return va & ~(hal::page_size - 1); }

  const Views& of(hal::Access wanted) const {
    return wanted == hal::Access::write ? written_ : read_;
  }
  Views& of(hal::Access wanted) { return wanted == hal::Access::write ? written_ : read_; }

  Views read_{};
  Views written_{};
};

class HartTlbs {
 public:
  HartTlbs() { tlbs_.fill(&none); }
  HartTlbs(const HartTlbs&) = delete;
  ~HartTlbs();

  /// Like those of KernelTlb, for this hart.
  std::byte* find(hal::VirtAddr va, hal::Access wanted) const {
    const KernelTlb* const tlb = tlbs_[place()];
    return tlb->find(va, wanted);
  }
  /// Remembers nothing if there is no memory.
  void remember(hal::VirtAddr va, hal::Access wanted, std::byte* there);
  /// Whether no other hart uses the KernelTlb of this hart.
  static bool has_own_place() {
    return (hal::running_harts() & (harts_of_place << place())) == hal::mask_of(hal::hart_index());
  }
  /// Where this hart counts the pages that it adds to the page table while other harts may add
  /// pages, too. Null before make_count().
  using Count = async::platform::Atomic<std::size_t>;
  Count* count_of_added() const {
    const HartTlb* const tlb = tlbs_[place()];
    return tlb != &none ? &const_cast<HartTlb*>(tlb)->added : nullptr;
  }
  /// Makes this hart's count. False: there is no memory. The caller holds the space's lock.
  bool make_count() { return own() != nullptr; }
  /// The sum of the counts of all harts.
  std::size_t added() const;
  /// Forgets the page of `va` on this hart.
  void forget_here(hal::VirtAddr va);
  /// Forgets the pages in [start, end) on all harts. Writes only to the entries of these pages, so
  /// that harts which access other pages keep their cache lines.
  void forget(hal::VirtAddr start, hal::VirtAddr end);

 private:
  struct HartTlb : KernelTlb {
    Count added = 0;
  };
  static const HartTlb none;  // has no entries, and never gets any

  static constexpr unsigned places = 4;

  // With four places, harts 0, 4, 8 and so on use the same KernelTlb.
  static unsigned place() { return hal::hart_index() % places; }
  static constexpr hal::HartMask harts_of_place = 0x1111'1111'1111'1111;  // of place 0

  using Pointer =
      async::OrderedWord<const HartTlb*, async::order_of_dependence, std::memory_order_release>;

  /// This hart's HartTlb. Null if there is no memory for it.
  HartTlb* own();

  std::array<Pointer, places> tlbs_;  // made by own(); else `none`
};

inline constinit const HartTlbs::HartTlb HartTlbs::none{};

}  // namespace kernel::memory
