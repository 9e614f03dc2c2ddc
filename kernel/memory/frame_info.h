// The kernel's record of one frame of RAM, used differently by each owner. Each record has a cache
// line of its own, because harts use different frames at the same time. That costs 1.6 % of RAM,
// but no time: a record is initialised only when its frame is first used. Machines without an MMU
// have little memory and few harts, so their records share cache lines, and cost 0.4 %.
#pragma once

#include <hal/memory_map.h>
#include <hal/page_table.h>

#include <cstddef>
#include <cstdint>

namespace kernel::memory {

inline constexpr std::size_t frame_info_bytes = hal::translates_addresses ? 64 : 16;

struct alignas(frame_info_bytes) FrameInfo {
  enum class State : std::uint8_t {
    taken,       ///< in use, or on a stack of single frames
    free_block,  ///< first frame of a free block of 2^order frames
  };

  /// A page of small heap objects (heap.cpp).
  struct Slab {
    std::uint32_t next;  ///< page number of the next slab with room; 0: none
    std::uint32_t previous;
  };
  struct Objects {
    std::uint16_t first_free;  ///< byte offset of the slab's first free object; 0xffff: none
    std::uint16_t used;        ///< number of allocated objects
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
    std::uint32_t references;  ///< of a single frame
    Objects objects;
  };
  State state;
  std::uint8_t order;       ///< of a block, free or in use
  std::uint8_t size_class;  ///< of a slab: index of the object size; else `not_a_slab`
  std::uint8_t hart;        ///< of a slab: the hart that made it

  static constexpr std::uint8_t not_a_slab = 0xff;
};
static_assert(sizeof(FrameInfo) == frame_info_bytes);

}  // namespace kernel::memory
