// A software TLB for the kernel's accesses to a program's memory. It caches where pages lie in the
// direct map. Code that removes or restricts an entry of the page table must call forget() as it
// flushes the harts' TLBs. Added entries need no call. The cache is direct-mapped by page number,
// with separate entries for reads and writes.
//
// All functions run in the strand.
#pragma once

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
  void forget(hal::VirtAddr va) { read_[line(va)] = written_[line(va)] = {}; }
  void forget_all() { read_ = written_ = {}; }

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

}  // namespace kernel::memory
