// Pages that several address spaces share: anonymous memory mapped MAP_SHARED and kept across fork.
#pragma once

#include <hal/memory_map.h>
#include <array>
#include <memory>

#include "memory/mappable_object.h"

namespace kernel::memory {

/// Owns one reference on each of its frames. Each page table entry that maps a frame owns another.
/// A frame is allocated with zeros at the first request and lives as long as the object.
///
/// The frames are in a tree of pages with three levels, like a page table. Its nodes are allocated
/// on demand, so an object for many pages is small at first.
class SharedPages final : public MappableObject {
 private:
  static constexpr std::size_t fanout = hal::page_size / sizeof(void*);

 public:
  /// The most pages of an object: 512 GiB.
  static constexpr std::size_t most = fanout * fanout * fanout;

  /// `pages`: at most `most`.
  explicit SharedPages(std::size_t pages) : count_(pages) {}
  ~SharedPages() override;

  std::size_t count() const override { return count_; }
  Result<hal::PhysAddr> frame(std::size_t index) override;
  bool has_frame(std::size_t index) const override;

 private:
  using Leaf = std::array<hal::PhysAddr, fanout>;
  using Middle = std::array<std::unique_ptr<Leaf>, fanout>;
  using Top = std::array<std::unique_ptr<Middle>, fanout>;

  std::size_t count_;
  std::unique_ptr<Top> top_;
};

}  // namespace kernel::memory
