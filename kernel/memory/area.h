// An area: a range of pages of a program with the same rights and the same origin.
#pragma once

#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>
#include <kernel/ref.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "memory/page_source.h"
#include "memory/shared_pages.h"

namespace kernel::memory {

using hal::Access;
using hal::VirtAddr;

/// Where the first contents of an area's pages come from.
struct Backing {
  enum class Kind : std::uint8_t {
    zeros,     ///< private, zero at first
    segment,   ///< private copies of `file`, zero past its end: a program's data
    file,      ///< private copies of `file`; past the page of its end there is nothing (mmap)
    shared,    ///< the pages of `object`, the same for everyone who has them
    paged_in,  ///< private copies of what `object` brings, which takes its time
  };

  Kind kind = Kind::zeros;
  std::span<const std::byte> file{};  ///< what is at the area's start and on; never changes
  Ref<MemoryObject> object{};         ///< for `shared` SharedPages, for `paged_in` a PageSource
  std::size_t first_page = 0;         ///< which of its pages is at the area's start
  bool is_read_only = false;  ///< can never be made writable: MAP_SHARED of a file opened to read

  static Backing of_segment(std::span<const std::byte> contents) {
    return {.kind = Kind::segment, .file = contents};
  }
  static Backing of_file(std::span<const std::byte> contents) {
    return {.kind = Kind::file, .file = contents};
  }
  static Backing of_shared(Ref<SharedPages> pages) {
    return {.kind = Kind::shared, .object = std::move(pages)};
  }

  static Backing of_source(Ref<PageSource> source, std::size_t first_page) {
    return {.kind = Kind::paged_in, .object = std::move(source), .first_page = first_page};
  }

  SharedPages& pages() const { return static_cast<SharedPages&>(*object); }
  PageSource& source() const { return static_cast<PageSource&>(*object); }

  bool is_shared() const { return kind == Kind::shared; }
  /// Becomes the same seen from `bytes` (whole pages) further on.
  void advance(std::size_t bytes) {
    file = file.subspan(std::min(bytes, file.size()));
    first_page += bytes / hal::page_size;
  }
  /// Whether `next` is what one would find `bytes` further on, so that both can be one area.
  bool continued_by(const Backing& next, std::size_t bytes) const;
};

/// What is known of the instructions in an area, on machines that do not run all programs as they
/// are (process/foreign_code.h).
enum class Code : std::uint8_t {
  unseen,   ///< nobody has looked
  ready,    ///< as the machine runs them
  stale,    ///< they were ready, and may have been written since
  refused,  ///< not to be changed
  added,    ///< not the program's: the kernel has put them there
};

struct Area {
  VirtAddr start = 0;
  VirtAddr end = 0;
  Access access = Access::none;
  Code code = Code::unseen;
  std::uint16_t first_instruction_offset =
      0;  ///< bytes before the first instruction, if any is known to begin there
  Backing backing;

  /// Its front is gone: where an instruction begins is not known any more.
  void lose_front() {
    if (!hal::changes_code) return;
    first_instruction_offset = 0;
    if (code == Code::unseen && allows(access, Access::execute)) code = Code::refused;
  }
  /// Whether as much is known of what follows.
  bool code_continued_by(Code next, std::uint16_t next_lead) const {
    return !hal::changes_code || (code == next && next_lead == 0);
  }

  std::size_t bytes() const { return end - start; }
  bool contains(VirtAddr va) const { return va >= start && va < end; }

  // Position in the AreaSet, which alone writes these.
  Area* next = nullptr;
  Area* previous = nullptr;
  Area* left = nullptr;
  Area* right = nullptr;
  std::uint32_t rank = 0;
};

}  // namespace kernel::memory
