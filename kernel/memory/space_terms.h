// What an address space (address_space.h) is asked for, and what it answers with.
#pragma once

#include <kernel/ref.h>

#include <cstddef>
#include <cstdint>

#include "memory/area.h"
#include "memory/frames.h"

namespace kernel::memory {

/// What mmap asks for.
struct MapRequest {
  enum class Place : std::uint8_t {
    anywhere,  ///< at `address` if that is free, else the highest gap that fits
    exactly,   ///< at `address`, in place of what is there (MAP_FIXED)
    if_free,   ///< at `address`, or not at all (MAP_FIXED_NOREPLACE)
  };

  VirtAddr address = 0;
  std::size_t bytes = 0;  ///< rounded up to pages
  Access access = Access::none;
  Place place = Place::anywhere;
  Backing backing{};
  Code code = Code::unseen;                    ///< see Area
  std::uint16_t first_instruction_offset = 0;  ///< likewise
  std::size_t most_bytes = SIZE_MAX;           ///< that may be mapped in all afterwards (RLIMIT_AS)
};

/// What a futex is known by: an object, and an offset in it, be it a space's window. The same for
/// two addresses exactly when they are the same memory and (for private memory) in the same space.
struct MemoryKey {
  const void* object = nullptr;
  std::uintptr_t offset = 0;

  friend bool operator==(const MemoryKey&, const MemoryKey&) = default;
};

/// A page of a program that its area's source has to bring (page_source.h).
struct PageToRead {
  VirtAddr address;
  Ref<PageSource> source;
  std::size_t index;  ///< of the source

  friend bool operator==(const PageToRead&, const PageToRead&) = default;
};

/// A byte of a program where the kernel finds it, to the end of its page, and a share in its frame.
struct PinnedByte {
  std::byte* at;
  Frame owner;
};

/// Executable memory of one kind, page by page.
struct CodeArea {
  VirtAddr start;
  VirtAddr end;
  VirtAddr first;  ///< instruction
  Code code;
  std::uint64_t generation;  ///< another one as soon as any executable area is not what it was
  bool may_change;           ///< it is the program's alone, and not to be written by it
  std::size_t bytes() const { return end - start; }
  bool operator==(const CodeArea&) const = default;
};

}  // namespace kernel::memory
