// Bytes of a program in one page, as a caller that shares the strand has found them in the kernel's
// view.
//
// Another thread of the program may give the page another frame at any time. If it then uses the
// pipe or the file, a read that began before must not take the new bytes and put them into the old
// frame. So code that moves bytes acquires the object's lock first, and then calls is_current().
#pragma once

#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>

#include <cstddef>
#include <span>
#include <type_traits>

#include "memory/address_space.h"

namespace kernel {

/// `Byte`: std::byte, or const std::byte for bytes that are only read.
template <class Byte>
class FoundBytes : public std::span<Byte> {
 public:
  /// `there`: the first of `count` bytes, which the program has at `address`.
  FoundBytes(const memory::AddressSpace& space, hal::VirtAddr address, Byte* there,
             std::size_t count)
      : std::span<Byte>{there, count}, space_{space}, address_{address} {}

  /// Whether the page still has the frame in which the bytes were found.
  bool is_current() const {
    constexpr bool is_read = std::is_const_v<Byte>;
    return space_.has_at(address_, is_read ? hal::Access::read : hal::Access::write, this->data());
  }

 private:
  const memory::AddressSpace& space_;
  hal::VirtAddr address_;
};

/// The bytes that a read fills, and those that a write takes.
using ReadBytes = FoundBytes<std::byte>;
using WrittenBytes = FoundBytes<const std::byte>;

}  // namespace kernel
