// Address space identifiers (ASIDs): tags that let one TLB hold translations of many spaces.
//
// The allocator hands out numbers in ascending order and never takes one back. After the highest
// number it starts a new generation: every hart flushes its TLB, and each space gets a new number
// when it runs next. A space that another hart runs in at that moment keeps its number.
//
// Each hart takes several numbers at once, so harts that create spaces at the same time write no
// common data. These functions run in the strand. A hart that shares it may call allocate() if
// has_spare() is true.
#pragma once

#include <hal/hart.h>
#include <hal/machine/translation.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace kernel::memory {

class AsidAllocator {
 public:
  /// `highest` is the machine's largest ASID (hal::highest_asid). 0: the machine has none, and
  /// every switch of address spaces flushes the TLB.
  void initialize(hal::Asid highest) {
    highest_ = highest;
    batch_ = std::clamp<std::uint32_t>(highest / (4 * hal::max_harts), 1, most_at_once);
    next_ = 1;
    ++generation_;
    kept_count_ = 0;
  }

  /// The number of the present generation, never 0. An ASID is valid only in the generation in
  /// which it was allocated.
  std::uint32_t generation() const { return generation_; }

  /// Whether this hart has a number left that it has taken in advance.
  bool has_spare() const {
    const Spare& spare = spare_[hal::hart_index()];
    return spare.generation == generation_ && spare.next != spare.end;
  }
  /// Never returns 0, the ASID of the kernel's own space, unless the machine has no ASIDs.
  hal::Asid allocate();

 private:
  static constexpr std::uint32_t most_at_once = 16;

  struct alignas(64) Spare {  // the numbers that a hart has taken in advance
    std::uint32_t next = 0;
    std::uint32_t end = 0;
    std::uint32_t generation = 0;  // they are valid while this equals generation_
  };

  void begin_generation();
  void take_batch(Spare& spare);
  bool is_kept(std::uint32_t asid) const;

  std::uint32_t highest_ = 0;
  std::uint32_t batch_ = 1;
  std::uint32_t generation_ = 1;
  alignas(64) std::uint32_t next_ = 1;
  // The ASIDs that spaces kept from the last generation, because harts were in these spaces.
  std::array<std::uint32_t, hal::max_harts> kept_{};
  unsigned kept_count_ = 0;
  std::array<Spare, hal::max_harts> spare_{};
};

extern constinit AsidAllocator asids;

}  // namespace kernel::memory
