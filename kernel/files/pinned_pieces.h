// The pieces of an IoBuffer that a device transfers. They stay pinned until the destructor runs.
#pragma once

#include <algorithm>
#include <array>

#include "files/io_buffer.h"

namespace kernel {

class PinnedPieces {
 public:
  /// Enough for 64 KiB at any offset in a page.
  static constexpr std::size_t most = 17;

  PinnedPieces() = default;
  PinnedPieces(const PinnedPieces&) = delete;
  ~PinnedPieces() {
    for (std::size_t i = 0; i < count_; ++i) {
      if ((owned_ & 1U << i) != 0) memory::frames.drop(hal::page_down(pieces_[i]));
    }
  }

  std::size_t count() const { return count_; }

  /// Adds the next piece of `buffer`, of at most `bytes`. Returns its size. count() must be less
  /// than `most`.
  Result<std::size_t> add(IoBuffer& buffer, std::size_t bytes, IoBuffer::Direction direction) {
    auto pinned = buffer.pin(bytes, direction);
    if (!pinned) return fail(pinned.error());
    if (pinned->owner) {
      owned_ |= 1U << count_;
      (void)pinned->owner.release();
    }
    pieces_[count_] = hal::virt_to_phys(pinned->bytes.data());
    sizes_[count_++] = static_cast<std::uint32_t>(pinned->bytes.size());
    return pinned->bytes.size();
  }

  /// Copies bytes of the pieces, from `offset` on.
  void copy_to(std::size_t offset, std::span<std::byte> to) const {
    for (std::size_t i = 0; i < count_ && !to.empty(); ++i) {
      if (offset >= sizes_[i]) {
        offset -= sizes_[i];
        continue;
      }
      const std::size_t count = std::min<std::size_t>(to.size(), sizes_[i] - offset);
      std::memcpy(to.data(), hal::phys_to_virt(pieces_[i]) + offset, count);
      to = to.subspan(count);
      offset = 0;
    }
  }

  /// Adds the pieces to a request of a device (BlockRequest, P9Request).
  void add_to(auto& request) const {
    for (std::size_t i = 0; i < count_; ++i) request.add(pieces_[i], sizes_[i]);
  }

  /// Call after the device has written the pieces, or their first `bytes` bytes. `start` is the
  /// buffer before the first add().
  void commit(IoBuffer start, std::size_t bytes = IoBuffer::longest) const {
    for (std::size_t i = 0; i < count_ && bytes > 0; ++i) {
      const std::size_t count = std::min<std::size_t>(bytes, sizes_[i]);
      start.commit({hal::phys_to_virt(pieces_[i]), count});
      bytes -= count;
    }
  }

 private:
  std::array<hal::PhysAddr, most> pieces_;
  std::array<std::uint32_t, most> sizes_;
  std::uint32_t owned_ = 0;  // bit i: this object owns a reference on the frame of pieces_[i]
  std::uint32_t count_ = 0;
};

}  // namespace kernel
