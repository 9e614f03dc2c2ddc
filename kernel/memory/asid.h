// Address space identifiers (ASIDs): tags that let one TLB hold translations of many spaces.
//
// The allocator hands out numbers in ascending order and never takes one back. After the highest
// number it starts a new generation: every hart flushes its TLB, and each space gets a new number
// when it runs next. A space that another hart runs in at that moment keeps its number.
//
// All functions run in the strand.
#pragma once

#include <hal/hart.h>
#include <hal/machine/translation.h>

#include <array>
#include <cstdint>

namespace kernel::memory {

class AsidAllocator {
 public:
  /// `highest` is the machine's largest ASID (hal::highest_asid). 0: the machine has none, and
  /// every switch of address spaces flushes the TLB.
  void initialize(hal::Asid highest) {
    highest_ = highest;
    next_ = 1;
    ++generation_;
    kept_count_ = 0;
  }

  /// The number of the present generation, never 0. An ASID is valid only in the generation in
  /// which it was allocated.
  std::uint32_t generation() const { return generation_; }

  /// Never returns 0, the ASID of the kernel's own space, unless the machine has no ASIDs.
  hal::Asid allocate();

 private:
  void begin_generation();

  std::uint32_t highest_ = 0;
  std::uint32_t next_ = 1;
  std::uint32_t generation_ = 1;
  // The ASIDs that spaces kept from the last generation, because harts were in these spaces.
  std::array<std::uint32_t, hal::max_harts> kept_{};
  unsigned kept_count_ = 0;
};

extern constinit AsidAllocator asids;

}  // namespace kernel::memory
