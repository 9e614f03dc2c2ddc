// Where a read puts its bytes and a write takes them from: a program's memory, in one part (read)
// or in several (readv), or the kernel's own.
//
// A buffer is used up from its front. A program's pages are looked up when their bytes are moved,
// so pages that nobody has touched yet appear, and a bad address costs only what lies behind it:
// what was moved before counts, EFAULT is the answer when nothing was.
#pragma once

#include <abi/types.h>
#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>
#include <kernel/result.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "memory/frames.h"

namespace kernel {

namespace memory {
class AddressSpace;
}

class IoBuffer {
 public:
  /// Linux moves at most this many bytes in one call.
  static constexpr std::size_t longest = 0x7fff'f000;

  IoBuffer(memory::AddressSpace& space, hal::VirtAddr base, std::size_t length)
      : space_{&space}, base_{base}, part_{std::min(length, longest)}, left_{part_} {}

  /// All parts in their order. `parts` stays where it is as long as the buffer.
  IoBuffer(memory::AddressSpace& space, std::span<const abi::IoVector> parts);

  /// The kernel's own memory.
  explicit IoBuffer(std::span<std::byte> memory)
      : base_{reinterpret_cast<hal::VirtAddr>(memory.data())}, part_{memory.size()}, left_{part_} {}

  enum class Direction : bool { take, put };

  std::size_t left() const { return left_; }
  bool empty() const { return left_ == 0; }

  /// Moves `bytes`, or as many as there is room for, into the buffer.
  Result<std::size_t> put(std::span<const std::byte> bytes);
  /// Moves bytes out of the buffer until `room` is full or the buffer empty.
  Result<std::size_t> take(std::span<std::byte> room);

  /// Like take(), but fills all of `room` or returns an error; the buffer has at least that many
  /// bytes left. After an error some bytes may have been copied, and the buffer is of no further
  /// use.
  Result<std::size_t> take_all(std::span<std::byte> room);

  /// Puts `count` zeros.
  Result<std::size_t> put_zeros(std::size_t count) {
    return each_piece(count, Direction::put, [](std::span<std::byte> piece, std::size_t) {
      std::memset(piece.data(), 0, piece.size());
    });
  }

  /// The same place, but no more than `count` bytes from there.
  IoBuffer first(std::size_t count) const {
    IoBuffer start = *this;
    start.left_ = std::min(left_, count);
    return start;
  }

  /// Leaves out the next `count` bytes, which are there.
  void skip(std::size_t count);

  /// Whether pages of it have to be fetched first: one of them is asked for then (page_in.h). A
  /// transfer that has moved something cannot be made again, so whoever moves one in several parts
  /// asks before the first, and answers ERESTART.
  bool lacks_pages(Direction direction) const;

  // ── For devices, which read and write by themselves ──

  /// The next bytes, at most `most` (not 0), as far as they lie side by side; they stay what they
  /// are as long as `owner` does.
  struct Pinned {
    std::span<std::byte> bytes;
    memory::Frame owner;
  };
  Result<Pinned> pin(std::size_t most, Direction direction);

  /// The next bytes of the buffer were pinned, and are written now. Where the program has other
  /// memory there meanwhile (it has forked, say, and written to the page), they are copied.
  void commit(std::span<const std::byte> pinned);

 private:
  static constexpr hal::Access access(Direction direction) {
    return direction == Direction::put ? hal::Access::write : hal::Access::read;
  }

  /// The next `count` bytes where the kernel sees them, if they are a program's, of one part and in
  /// one page that it has found lately. Null otherwise, which is not yet an error.
  std::byte* one_piece(std::size_t count, Direction direction);

  // The same as put and take, for what lies in several pieces.
  Result<std::size_t> put_pieces(std::span<const std::byte> bytes);
  Result<std::size_t> take_pieces(std::span<std::byte> room);

  /// take_all() from more than one piece.
  Result<std::size_t> take_all_pieces(std::span<std::byte> room);

  /// The next bytes that lie side by side in the kernel's view, at most `most`, which is not 0.
  Result<std::span<std::byte>> next_piece(std::size_t most, Direction direction);

  /// Goes on to the next part where this one is used up. The buffer is not empty.
  void begin_part() {
    while (part_ == 0) {
      base_ = next_part_->base;
      part_ = next_part_->length;
      ++next_part_;
    }
  }
  void advance(std::size_t count) {
    base_ += count;
    part_ -= count;
    left_ -= count;
  }

  template <class Each>
  Result<std::size_t> each_piece(std::size_t most, Direction direction, Each&& each) {
    if (lacks_pages(direction)) return fail(Errno::erestart);
    const std::size_t wanted = std::min(most, left_);
    std::size_t done = 0;
    while (done < wanted) {
      const auto piece = next_piece(wanted - done, direction);
      if (!piece) {
        if (done == 0) return fail(piece.error());
        break;
      }
      each(*piece, done);
      advance(piece->size());
      done += piece->size();
    }
    return done;
  }

  memory::AddressSpace* space_ = nullptr;  // null: the kernel's own memory
  hal::VirtAddr base_;
  std::size_t part_;  // bytes left in this part
  std::size_t left_;  // bytes left in all parts
  const abi::IoVector* next_part_ = nullptr;
};

}  // namespace kernel
