// The parameter and result types of AddressSpace (address_space.h).
#pragma once

#include <kernel/ref.h>

#include <cstddef>
#include <cstdint>

#include "memory/area.h"
#include "memory/frames.h"

namespace kernel::memory {

/// The parameters of mmap.
struct MapRequest {
  enum class Place : std::uint8_t {
    anywhere,  ///< at `address` if that is free, else the highest gap that fits
    exactly,   ///< at `address`, replacing older mappings (MAP_FIXED)
    if_free,   ///< at `address`, or fail (MAP_FIXED_NOREPLACE)
  };

  VirtAddr address = 0;
  std::size_t bytes = 0;  ///< rounded up to pages
  Access access = Access::none;
  Place place = Place::anywhere;
  Backing backing{};
  [[no_unique_address]] AreaCode code{};
  std::size_t most_bytes = SIZE_MAX;  ///< limit of all mapped bytes afterwards (RLIMIT_AS)
};

/// The identity of a futex: an object and a byte offset in it. For private memory the object is the
/// address space. Two addresses have equal keys if and only if they are the same memory and, for
/// private memory, in the same space.
struct MemoryKey {
  const void* object = nullptr;
  std::uintptr_t offset = 0;

  friend bool operator==(const MemoryKey&, const MemoryKey&) = default;
};

/// A page of a program that needs a page-in from its area's source (memory_object.h).
struct PageToRead {
  VirtAddr address;
  Ref<PageSource> source;
  std::size_t index;  ///< of the page in the source

  friend bool operator==(const PageToRead&, const PageToRead&) = default;
};

/// The kernel address of a program's byte, valid up to the end of its page, and a reference on the
/// frame. `owner` is empty if the page lies in the boot archive, which has no references.
struct PinnedByte {
  std::byte* at;
  Frame owner;
};

}  // namespace kernel::memory
