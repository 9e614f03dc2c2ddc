// Address space identifiers: the tags that let translations of many spaces live in one TLB.
//
// They are given out in order and never taken back; when the machine's are used up a new generation
// begins: every hart flushes everything, and each space gets a new one when it runs next. A space
// that another hart runs in at that moment keeps its own. In the strand.
#pragma once

#include <hal/hart.h>
#include <hal/machine/translation.h>

#include <array>
#include <cstdint>

namespace kernel::memory {

class AsidAllocator {
 public:
  /// `highest` is the largest the machine has (hal::highest_asid); 0: it has none, every switch
  /// of spaces flushes.
  void initialize(hal::Asid highest) {
    highest_ = highest;
    next_ = 1;
    ++generation_;
    kept_ = {};
  }

  /// What a space holds is good only while this stays the same. Never 0.
  std::uint32_t generation() const { return generation_; }

  /// Number 0 is the kernel's own space.
  hal::Asid allocate();

 private:
  void begin_generation();

  std::uint32_t highest_ = 0;
  std::uint32_t next_ = 1;
  std::uint32_t generation_ = 1;
  std::array<std::uint32_t, hal::max_harts> kept_{};  // from the generation before; 0: none
};

extern constinit AsidAllocator asids;

}  // namespace kernel::memory
