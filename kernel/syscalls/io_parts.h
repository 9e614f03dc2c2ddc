// The kernel's copy of the list of buffers that readv and writev get.
#pragma once

#include <abi/types.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "files/io_buffer.h"
#include "memory/frames.h"
#include "memory/user_memory.h"

namespace kernel::sys {

/// Not movable: buffers point into it.
class IoParts {
 public:
  IoParts() = default;
  IoParts(const IoParts&) = delete;

  /// Copies and checks the list. EINVAL for more than max_io_vectors or a negative length;
  /// EFAULT; ENOMEM.
  Result<> read(memory::AddressSpace& space, UserPtr<const abi::IoVector> from, int count) {
    if (count < 0 || count > abi::max_io_vectors) return fail(Errno::einval);
    count_ = static_cast<std::size_t>(count);
    if (count_ > few_.size()) {
      if (!memory::can_allocate_contiguous(count_ * sizeof(abi::IoVector)))
        return fail(Errno::enomem);
      many_ = std::make_unique_for_overwrite<abi::IoVector[]>(count_);
    }
    const auto parts = std::span{data(), count_};
    const UserSpan<const abi::IoVector> list{from.address(), count_};
    if (auto copied = list.read(space, parts); !copied) return copied;

    // Linux checks all lengths first. It shortens a single part before it looks at its end.
    const std::uint64_t longest = count_ == 1 ? IoBuffer::longest : SIZE_MAX;
    bool in_range = true;
    for (abi::IoVector& part : parts) {
      if (static_cast<std::int64_t>(part.length) < 0) return fail(Errno::einval);
      part.length = std::min(part.length, longest);
      in_range &= UserSpan<std::byte>{part.base, part.length}.in_range();
    }
    return in_range ? Result<>{} : fail(Errno::efault);
  }

  IoBuffer buffer(memory::AddressSpace& space) {
    return {space, std::span<const abi::IoVector>{data(), count_}};
  }

 private:
  abi::IoVector* data() { return count_ > few_.size() ? many_.get() : few_.data(); }

  std::size_t count_ = 0;
  std::array<abi::IoVector, 8> few_;
  std::unique_ptr<abi::IoVector[]> many_;
};

}  // namespace kernel::sys
