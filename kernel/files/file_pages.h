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
  /// The page, or null if it is not allocated.
  std::byte* find(std::uint64_t number) const;
  /// The page, allocated with zeros if missing. Null: the quota or the memory is exhausted.
  std::byte* make(std::uint64_t number);
  /// Frees the pages from `number` on.
  void drop_from(std::uint64_t number);

 private:
  static constexpr std::uint64_t group_size = 128;

  /// group_size consecutive pages of the file. Charged to the quota (file_quota.h).
  class Group {
   public:
    Group();
    ~Group();
    Group(const Group&) = delete;

    std::byte* find(std::size_t index) const;
    std::byte* make(std::size_t index);
    void drop_from(std::size_t index);

   private:
    std::array<hal::PhysAddr, group_size> pages_{};  // 0: not allocated
    memory::FrameChain owned_;
  };
  using Groups = std::map<std::uint64_t, Group>;
  static constexpr std::size_t group_bytes = sizeof(Groups::value_type) + 4 * sizeof(void*);

  Groups groups_;  // by page number / group_size
};

}  // namespace kernel
