// Frames that belong together and are given back together, in no more time for many than for one.
#pragma once

#include <cstddef>
#include <utility>

#include "memory/frames.h"

namespace kernel::memory {

class FrameChain {
 public:
  FrameChain() = default;
  FrameChain(const FrameChain&) = delete;
  ~FrameChain() {
    if (count_ != 0) frames.drop_chain(first_, last_, count_);
  }

  std::size_t count() const { return count_; }

  /// Takes over the only reference on `frame`. Its FrameInfo's links are the chain's until it is
  /// given back.
  void add(PhysAddr frame) {
    frames.link_chain(frame, first_);
    first_ = frame;
    if (count_++ == 0) last_ = frame;
  }
  void swap(FrameChain& other) noexcept {
    std::swap(first_, other.first_);
    std::swap(last_, other.last_);
    std::swap(count_, other.count_);
  }
  /// Has no frames any more: whoever adds them to another chain has.
  void forget() { first_ = last_ = count_ = 0; }

 private:
  PhysAddr first_ = 0;
  PhysAddr last_ = 0;
  std::size_t count_ = 0;
};

}  // namespace kernel::memory
