// Address space identifiers: the tags that let translations of many spaces live in one TLB.
//
// They are given out in order and never taken back; when the machine's are used up a new generation
// begins: everything is flushed, and each space gets a new one when it runs next. One hart for now:
// with more, every hart has to flush and a space that runs elsewhere must keep what it has.
#pragma once

#include <hal/machine/translation.h>

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
  }

  /// What a space holds is good only while this stays the same. Never 0.
  std::uint32_t generation() const { return generation_; }

  /// Number 0 is the kernel's own space.
  hal::Asid allocate() {
    if (next_ > highest_) {
      hal::flush_all();
      ++generation_;
      next_ = 1;
      if (highest_ == 0) return 0;
    }
    return static_cast<hal::Asid>(next_++);
  }

 private:
  std::uint32_t highest_ = 0;
  std::uint32_t next_ = 1;
  std::uint32_t generation_ = 1;
};

extern constinit AsidAllocator asids;

}  // namespace kernel::memory
