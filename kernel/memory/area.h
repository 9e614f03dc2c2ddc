// An area: a range of pages of a program with the same rights and the same backing.
#pragma once

#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>
#include <kernel/ref.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "memory/memory_object.h"
#include "memory/shared_pages.h"
#include "program_code/area_code.h"

namespace kernel::memory {

using hal::Access;
using hal::VirtAddr;

/// The source of the first contents of an area's pages.
struct Backing {
  enum class Kind : std::uint8_t {
    zeros,     ///< private, initially zero
    segment,   ///< private copies of `file`, then zeros: a segment of a program
    file,      ///< private copies of `file`; accesses behind its last page fail (mmap)
    shared,    ///< the pages of `object`, shared by all areas that map it
    copies,    ///< the pages of `object` until a write, then private copies (mmap)
    paged_in,  ///< private copies of pages that a page-in reads from `object`
  };

  std::span<const std::byte> file{};  ///< contents from the area's start on; immutable
  Ref<MemoryObject> object{};         ///< a PageSource for `paged_in`, else a MappableObject
  std::size_t first_page = 0;         ///< index in `object` of the area's first page
  // Last, so that an Area can use the padding.
  Kind kind = Kind::zeros;
  bool is_read_only = false;  ///< must not become writable: MAP_SHARED of a file opened for reading

  static Backing of_segment(std::span<const std::byte> contents) {
    return {.file = contents, .kind = Kind::segment};
  }
  static Backing of_file(std::span<const std::byte> contents) {
    return {.file = contents, .kind = Kind::file};
  }
  static Backing of_shared(Ref<SharedPages> pages) {
    return {.object = std::move(pages), .kind = Kind::shared};
  }

  static Backing of_tracked(Kind kind, Ref<TrackedObject> object, std::size_t first_page) {
    return {.object = std::move(object), .first_page = first_page, .kind = kind};
  }

  static Backing of_source(Ref<PageSource> source, std::size_t first_page) {
    return {.object = std::move(source), .first_page = first_page, .kind = Kind::paged_in};
  }

  MappableObject& pages() const { return static_cast<MappableObject&>(*object); }
  PageSource& source() const { return static_cast<PageSource&>(*object); }

  bool is_shared() const { return kind == Kind::shared; }
  /// Whether the pages come from pages().
  bool has_pages() const { return kind == Kind::shared || kind == Kind::copies; }
  /// Whether the first access to a page waits until the page was read.
  bool is_read_first() const {
    return kind == Kind::paged_in || (has_pages() && pages().source() != nullptr);
  }
  /// Cuts off the first `bytes` of the contents, a multiple of the page size.
  void advance(std::size_t bytes) {
    file = file.subspan(std::min(bytes, file.size()));
    first_page += bytes / hal::page_size;
  }
  /// Whether `next` equals this backing advanced by `bytes`, so that two areas can merge.
  bool continued_by(const Backing& next, std::size_t bytes) const;
};

struct Area {
  VirtAddr start = 0;
  VirtAddr end = 0;
  [[no_unique_address]] Backing backing;
  Access access = Access::none;
  [[no_unique_address]] AreaCode code;

  std::size_t bytes() const { return end - start; }
  bool contains(VirtAddr va) const { return va >= start && va < end; }
  /// The rights that the page table may give to pages of this area.
  Access rights_in_table() const { return code.rights(access); }

  // Links of the AreaSet (area_set.h), which only the AreaSet writes.
  Area* next = nullptr;
  Area* previous = nullptr;
  Area* parent = nullptr;
  Area* left = nullptr;
  Area* right = nullptr;
  std::uint32_t rank = 0;
  std::uint32_t gap_bound = 0;
  AreaMapping* mapping = nullptr;  // null unless backing.object is a TrackedObject
};

}  // namespace kernel::memory
