// A software TLB for the kernel's accesses to a program's memory. It caches where pages lie in the
// direct map. Code that removes or restricts an entry of the page table must call forget() as it
// flushes the harts' TLBs. Added entries need no call. The cache is direct-mapped by page number,
// with separate entries for reads and writes.
//
// An address space has one KernelTlb. If several harts run, it has HartTlbs instead: a KernelTlb
// for each hart that accesses the space, so that threads on different harts replace no entries of
// each other.
//
// All functions run in the strand. HartTlbs::find() may also run while the caller shares it, and
// remember(), too, if only the caller's thread uses the space, or if has_own_place() is true.
#pragma once

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
    of(wanted)[line(va)] = {.page = page_of(va), .at = there - va};
  }
  bool knows(hal::VirtAddr va) const {
    const hal::VirtAddr page = page_of(va);
    return read_[line(va)].page == page || written_[line(va)].page == page;
  }
  void forget(hal::VirtAddr va) { read_[line(va)] = written_[line(va)] = {}; }
  void forget_all() { read_ = written_ = {}; }

  /// A table without entries, which never gets any.
  static const KernelTlb none;

 private:
  struct View {
    hal::VirtAddr page = ~hal::VirtAddr{0};  // not a page address
    std::byte* at = nullptr;                 // kernel address minus program address
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

inline constinit const KernelTlb KernelTlb::none{};

class HartTlbs {
 public:
  HartTlbs() { tlbs_.fill(&KernelTlb::none); }
  HartTlbs(const HartTlbs&) = delete;
  ~HartTlbs();

  /// Like those of KernelTlb, for this hart.
  std::byte* find(hal::VirtAddr va, hal::Access wanted) const {
    return tlbs_[place()]->find(va, wanted);
  }
  /// Remembers nothing if there is no memory.
  void remember(hal::VirtAddr va, hal::Access wanted, std::byte* there);
  /// Whether no other hart uses the KernelTlb of this hart.
  static bool has_own_place() {
    return (hal::running_harts() & (harts_of_place << place())) == hal::mask_of(hal::hart_index());
  }
  /// On all harts.
  void forget(hal::VirtAddr va);
  void forget_all();

 private:
  static constexpr unsigned places = 4;

  // With four places, harts 0, 4, 8 and so on use the same KernelTlb.
  static unsigned place() { return hal::hart_index() % places; }
  static constexpr hal::HartMask harts_of_place = 0x1111'1111'1111'1111;  // of place 0
  template <class Use>
  void for_each(Use use);

  std::array<const KernelTlb*, places> tlbs_;  // made by remember(); else KernelTlb::none
};

}  // namespace kernel::memory
