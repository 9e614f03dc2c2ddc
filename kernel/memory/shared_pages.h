// Pages that several address spaces see: anonymous memory mapped MAP_SHARED and kept across fork.
#pragma once

#include <hal/memory_map.h>
#include <array>
#include <memory>

#include "memory/memory_object.h"

namespace kernel::memory {

/// Owns one reference on each of its frames; every page table that maps one owns another. A frame
/// is allocated, zeroed, when it is first asked for, and stays until the last owner is gone.
///
/// Bookkeeping is a tree of pages, three levels like a page table, made where it is needed: the
/// object itself is small however many pages it stands for.
class SharedPages final : public MemoryObject {
 public:
  explicit SharedPages(std::size_t pages) : count_(pages) {}
  ~SharedPages() override;

  std::size_t count() const { return count_; }
  /// The frame of page `index`, below count(); 0 when there is no memory for it.
  hal::PhysAddr frame(std::size_t index);

 private:
  static constexpr std::size_t fanout = hal::page_size / sizeof(void*);
  using Leaf = std::array<hal::PhysAddr, fanout>;
  using Middle = std::array<std::unique_ptr<Leaf>, fanout>;
  using Top = std::array<std::unique_ptr<Middle>, fanout>;
  static_assert(fanout * fanout * fanout >= hal::user_bytes / hal::page_size);

  std::size_t count_;
  std::unique_ptr<Top> top_;
};

}  // namespace kernel::memory
