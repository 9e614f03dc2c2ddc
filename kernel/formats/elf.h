// ELF64 programs for this machine, static or static-PIE: from a file to a plan of what to put
// where.
//
// (System V ABI, chapters 4 and 5.) `read_elf` checks every field it relies on,
// and that the plan as a whole makes sense: whoever carries it out needs to check nothing but that
// there is memory. A file that does not pass is ENOEXEC.
#pragma once

#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>
#include <span>

#include "formats/bytes.h"

namespace kernel::formats {

/// One loadable piece, already moved by the load bias. In order of address, no page in two.
struct Segment {
  hal::VirtAddr start;  ///< first byte of the segment; need not be the start of a page
  std::size_t bytes;    ///< size in memory, at least contents.size(); the rest is zero
  Bytes contents;       ///< what is at `start`; a view of the file
  hal::Access access;

  hal::VirtAddr end() const { return start + bytes; }
  hal::VirtAddr first_page() const { return hal::page_down(start); }
  hal::VirtAddr end_page() const { return hal::page_up(end()); }
};

struct ElfPlan {
  static constexpr std::size_t max_segments = 16;

  std::array<Segment, max_segments> segment_storage;
  std::size_t segment_count = 0;
  hal::VirtAddr entry = 0;            ///< inside an executable segment
  hal::VirtAddr program_headers = 0;  ///< for AT_PHDR; 0 when they are not in memory
  std::uint16_t program_header_count = 0;
  std::uint16_t program_header_bytes = 0;  ///< of each
  hal::VirtAddr load_bias = 0;             ///< what was added to a PIE's addresses; else 0
  bool executable_stack = false;           ///< PT_GNU_STACK asks for it

  std::span<const Segment> segments() const {
    return std::span(segment_storage).first(segment_count);
  }
  /// The first page after the last segment: where the heap begins.
  hal::VirtAddr end_page() const { return segments().back().end_page(); }
};

/// Where static-PIE programs go, from the beginning of their space: into the gigabyte of the stack.
inline constexpr hal::VirtAddr default_load_bias = 0x1000'0000;

/// `load_bias` (whole pages) is used for position-preemptible programs only.
Result<ElfPlan> read_elf(Bytes file, hal::VirtAddr load_bias = default_load_bias);

}  // namespace kernel::formats
