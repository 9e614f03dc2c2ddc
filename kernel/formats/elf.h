// ELF64 programs for this machine, and the interpreters that start some of them: from a file to a
// plan of its segments in memory (System V ABI, chapters 4 and 5).
//
// read_elf() checks every field that it uses, and that the plan as a whole is consistent. The
// loader only needs to check that there is memory. An invalid file is ENOEXEC.
#pragma once

#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "formats/bytes.h"

namespace kernel::formats {

/// A loadable segment. Addresses include the load bias. Segments are in order of address, and no
/// page belongs to two.
struct Segment {
  hal::VirtAddr start;  ///< first byte of the segment; need not be the start of a page
  std::size_t bytes;    ///< size in memory, at least contents.size(); the rest is zero
  Bytes contents;       ///< the bytes at `start`; a view of the file
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
  hal::VirtAddr program_headers = 0;  ///< for AT_PHDR; 0 if no segment contains them
  std::uint16_t program_header_count = 0;
  std::uint16_t program_header_bytes = 0;  ///< of each header
  hal::VirtAddr load_bias = 0;             ///< added to the addresses of a PIE; else 0
  bool executable_stack = false;           ///< PT_GNU_STACK requests it
  bool has_interpreter = false;            ///< see interpreter_of()
  Bytes interpreter{};                     ///< its unchecked path; empty if not in the file

  std::span<const Segment> segments() const {
    return std::span(segment_storage).first(segment_count);
  }
  /// The first page after the last segment. The heap begins there.
  hal::VirtAddr end_page() const { return segments().back().end_page(); }
};

/// The load address of position-independent programs, relative to the origin of the space's user
/// range. It is in the same gigabyte as the stack.
inline constexpr hal::VirtAddr default_load_bias = 0x1000'0000;

/// Checks `file` and returns its plan. `load_bias`, whole pages, applies only to
/// position-independent programs. Only the first `present` bytes of the file are in memory: the
/// others are not read, and the headers and the interpreter's path must not lie there. ENOEXEC.
Result<ElfPlan> read_elf(Bytes file, hal::VirtAddr load_bias, std::size_t present);
inline Result<ElfPlan> read_elf(Bytes file, hal::VirtAddr load_bias = default_load_bias) {
  return read_elf(file, load_bias, file.size());
}

/// The path of the interpreter of a plan that has one. ENOEXEC: it is no path.
Result<std::string_view> interpreter_of(const ElfPlan& plan);

}  // namespace kernel::formats
