// Where the kernel found a program's pages lately: a TLB of its own, for the direct map. Whoever
// takes something away from a page table tells it, as he tells the harts' TLBs; what is added need
// not be told. One line a page, chosen by the page's number, for reads and for writes.
//
// In the strand.
#pragma once

#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>

#include <array>
#include <cstddef>

namespace kernel::memory {

class KernelTlb {
 public:
  /// The byte at `va` as the kernel sees it, to be read or written, good to the end of its page;
  /// null: not known.
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
  void forget(hal::VirtAddr va) { read_[line(va)] = written_[line(va)] = {}; }
  void forget_all() { read_ = written_ = {}; }

 private:
  struct View {
    hal::VirtAddr page = ~hal::VirtAddr{0};  // no page begins there
    std::byte* at = nullptr;                 // where address 0 would be
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

}  // namespace kernel::memory
