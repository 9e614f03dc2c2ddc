// What the kernel remembers about one frame of RAM: 16 bytes, used differently by each owner.
#pragma once

#include <hal/page_table.h>

#include <cstdint>

namespace kernel::memory {

struct FrameInfo {
  enum class State : std::uint8_t {
    taken,       ///< somebody's, or on a stack of single frames
    free_block,  ///< first frame of a free block of 2^order
  };

  /// A page of small heap objects (heap.cpp).
  struct Slab {
    std::uint32_t next;  ///< page numbers of the neighbours among those with room, 0 at the ends
    std::uint32_t previous;
  };
  struct Objects {
    std::uint16_t first_free;  ///< offset of the slab's first free object; 0xffff when full
    std::uint16_t used;        ///< objects handed out
  };
  /// A free frame or block (frames.cpp).
  struct Links {
    std::uint32_t next;
    std::uint32_t previous;
  };

  union {
    Links links;
    Slab slab;
    hal::table_frames::Note table;
  };
  union {
    std::uint32_t references;  ///< owners of a single frame
    Objects objects;
  };
  State state;
  std::uint8_t order;       ///< of a block, free or in use
  std::uint8_t size_class;  ///< slab: which size; `not_a_slab` otherwise
  std::uint8_t spare;

  static constexpr std::uint8_t not_a_slab = 0xff;
};
static_assert(sizeof(FrameInfo) == 16);

}  // namespace kernel::memory
