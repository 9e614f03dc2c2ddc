// A chain of frames that are freed together in constant time.
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

  /// Takes over the only reference on `frame`. The chain uses the links of the frame's FrameInfo
  /// until it frees the frame.
  void add(PhysAddr frame) {
    first_ = frames.link_chain(frame, first_);
    if (count_++ == 0) last_ = first_;
  }
  void swap(FrameChain& other) noexcept {
    std::swap(first_, other.first_);
    std::swap(last_, other.last_);
    std::swap(count_, other.count_);
  }
  /// Empties the chain without freeing its frames. The caller must have added them to another
  /// chain.
  void forget() { first_ = last_ = count_ = 0; }

 private:
  FrameAllocator::Number first_ = 0;
  FrameAllocator::Number last_ = 0;
  std::size_t count_ = 0;
};

}  // namespace kernel::memory
