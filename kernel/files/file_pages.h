// The pages of a file in memory. A page that was never written is not allocated. All pages are
// freed in one short step, so that the end of a file of a gigabyte does not delay other jobs
// (process/steps.h).
//
// The pages are in a tree of groups, so that no file needs a large contiguous allocation. The pages
// of a group form a FrameChain.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "memory/frame_chain.h"

namespace kernel {

class FilePages {
 public:
  FilePages() = default;
  ~FilePages();
  FilePages(const FilePages&) = delete;

  /// The page, or null if it is not allocated.
  std::byte* find(std::uint64_t number) const;
  /// The page, allocated with zeros if missing. Null: the quota or the memory is exhausted.
  std::byte* make(std::uint64_t number);
  /// Frees the pages from `number` on.
  void drop_from(std::uint64_t number);

 private:
  static constexpr std::uint64_t group_size = 128;

  /// group_size consecutive pages of the file.
  class Group {
   public:
    std::byte* find(std::size_t index) const;
    /// Null: the memory is exhausted.
    std::byte* make(std::size_t index);
    /// Returns the number of pages that were freed.
    std::size_t drop_from(std::size_t index);
    /// The bytes that the group uses of the quota.
    std::size_t bytes() const { return group_bytes + owned_.count() * hal::page_size; }

   private:
    std::array<hal::PhysAddr, group_size> pages_{};  // 0: not allocated
    memory::FrameChain owned_;
  };
  using Groups = std::map<std::uint64_t, Group>;
  static constexpr std::size_t group_bytes = sizeof(Groups::value_type) + 4 * sizeof(void*);

  void charge(std::size_t bytes);

  Groups groups_;          // by page number / group_size
  std::size_t bytes_ = 0;  // charged to the quota (file_quota.h)
};

}  // namespace kernel
