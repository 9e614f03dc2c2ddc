// The pages of a file in memory. Those never written are not there, and all of a file's go at once:
// a step of the kernel that ends a file of a gigabyte is not a long one (syscalls/steps.h).
//
// They are in a tree of groups, so that no size needs memory in one large piece; a group's pages
// are given back as a chain.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "memory/frame_chain.h"

namespace kernel {

class FilePages {
 public:
  /// Null where there is no such page.
  std::byte* find(std::uint64_t number) const;
  /// The page, made of zeros if it is not there; null where files have no room for it.
  std::byte* make(std::uint64_t number);
  /// Those from that number on are no longer there.
  void drop_from(std::uint64_t number);

 private:
  static constexpr std::uint64_t group_size = 128;

  /// So many pages side by side in the file. Counted in the room that files have.
  class Group {
   public:
    Group();
    ~Group();
    Group(const Group&) = delete;

    std::byte* find(std::size_t index) const;
    std::byte* make(std::size_t index);
    void drop_from(std::size_t index);

   private:
    std::array<hal::PhysAddr, group_size> pages_{};  // 0: not there
    memory::FrameChain owned_;
  };
  using Groups = std::map<std::uint64_t, Group>;
  static constexpr std::size_t group_bytes = sizeof(Groups::value_type) + 4 * sizeof(void*);

  Groups groups_;  // by their first page's number, in group_size
};

}  // namespace kernel
