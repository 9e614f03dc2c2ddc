// References to frames that a hart drops while it shares the strand, although other harts may still
// use the frames. These harts have found a page of a program, or walk its page table, without a
// lock.
//
// The hart removes the page from the table and from all TLBs, and retires the reference. It drops
// the reference after the grace period (async/retired.h). Until then the frame gets no other use.
// The reference still counts, so a write through another page table copies the frame and does not
// make it writable in place.
//
// Only a space that several threads use needs this. While the strand is shared, no other hart uses
// the pages of a space with one thread.
#pragma once

#include <hal/memory_map.h>

namespace kernel::memory {

class RetiredFrames {
 public:
  /// Retires a reference to the frame of a page. The caller shares the strand.
  static void add(hal::PhysAddr frame);
  /// Retires the frame of a page table that is not in use any more. All of its entries are empty.
  static void add_table(hal::PhysAddr table);

  /// Drops the references that all harts have retired. In the strand.
  static void drop_all();
};

}  // namespace kernel::memory
