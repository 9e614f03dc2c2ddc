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
#include <optional>
#include <span>

#include "memory/frame_chain.h"

namespace kernel {

class FilePages {
 public:
  FilePages() = default;
  ~FilePages();
  FilePages(const FilePages&) = delete;

  /// The page, or null if it is not allocated.
  std::byte* find(std::uint64_t number) const;
  /// Writes to `pages` the addresses of the page and of those behind it, as many as are allocated
  /// and close together. Returns their number; 0 if the page is not allocated.
  std::size_t find_run(std::uint64_t number, std::span<const std::byte*> pages) const;
  /// The page, allocated with zeros if missing. Null: the quota or the memory is exhausted.
  std::byte* make(std::uint64_t number);
  /// Frees the pages from `number` on.
  void drop_from(std::uint64_t number);
  /// Frees the pages [first, end).
  void drop(std::uint64_t first, std::uint64_t end);
  /// The frame of an allocated page. From now on, its owners may be several: tables of programs map
  /// it, too. In the strand.
  hal::PhysAddr share(std::uint64_t number);

  /// The number of allocated pages.
  std::size_t count() const { return count_; }
  /// The number of pages in [first, end) that are not allocated.
  std::uint64_t count_missing(std::uint64_t first, std::uint64_t end) const;
  /// The first page from `number` on that is allocated. Nothing if there is none.
  std::optional<std::uint64_t> next_page(std::uint64_t number) const;
  /// The first page from `number` on that is not allocated.
  std::uint64_t next_hole(std::uint64_t number) const;

 private:
  static constexpr std::uint64_t group_size = 128;

  /// group_size consecutive pages of the file.
  class Group {
   public:
    Group() = default;
    Group(const Group&) = delete;
    ~Group() {
      if (is_shared_) drop(0, group_size);
    }
    std::byte* find(std::size_t index) const;
    std::size_t find_run(std::size_t index, std::span<const std::byte*> pages) const;
    /// Null: the memory is exhausted.
    std::byte* make(std::size_t index);
    /// Frees the pages [first, end) of the group. Returns their number.
    std::size_t drop(std::size_t first, std::size_t end);
    hal::PhysAddr share(std::size_t index) {
      is_shared_ = true;
      return pages_[index];
    }
    std::size_t count() const { return owned_.count(); }
    /// The bytes that the group uses of the quota.
    std::size_t bytes() const { return group_bytes + count() * hal::page_size; }

   private:
    std::array<hal::PhysAddr, group_size> pages_{};  // 0: not allocated
    memory::FrameChain owned_;
    bool is_shared_ = false;  // pages may have further owners
  };
  using Groups = std::map<std::uint64_t, Group>;
  static constexpr std::size_t group_bytes = sizeof(Groups::value_type) + 4 * sizeof(void*);

  void charge(std::size_t bytes);

  Groups groups_;          // by page number / group_size
  std::size_t bytes_ = 0;  // charged to the quota (file_quota.h)
  std::size_t count_ = 0;
};

}  // namespace kernel
