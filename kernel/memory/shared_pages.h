// Pages that several address spaces see: anonymous memory mapped MAP_SHARED and kept across fork.
#pragma once

#include <hal/memory_map.h>
#include <kernel/ref.h>

#include <array>
#include <memory>
#include <vector>

namespace kernel::memory {

/// Owns one reference on each of its frames; every page table that maps one owns another. A frame
/// is allocated, zeroed, when it is first asked for, and stays until the last owner is gone.
class SharedPages : public RefCounted<SharedPages> {
 public:
  explicit SharedPages(std::size_t pages)
      : count_(pages), chunks_((pages + chunk_pages - 1) / chunk_pages) {}
  ~SharedPages();

  std::size_t count() const { return count_; }
  /// The frame of page `index`; 0 when there is no memory for it.
  hal::PhysAddr frame(std::size_t index);
  /// What making an object of so many pages takes from the heap at once.
  static std::size_t bookkeeping_bytes(std::size_t pages) {
    return sizeof(SharedPages) + pages / chunk_pages * sizeof(void*) + sizeof(Chunk);
  }

 private:
  static constexpr std::size_t chunk_pages = 256;
  using Chunk = std::array<hal::PhysAddr, chunk_pages>;

  std::size_t count_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
};

}  // namespace kernel::memory
