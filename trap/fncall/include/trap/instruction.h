// A partial x86_64 decoder for rewriting programs: the length of an instruction, and its use of fs
// and gs. (Intel SDM volume 2, chapter 2 and appendix A; AMD APM volume 3, appendix A.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace trap {

struct Instruction {
  enum Kind : std::uint8_t {
    other,           ///< does not use fs or gs
    uses_fs,         ///< its memory operand is relative to fs
    reads_fs_base,   ///< rdfsbase
    writes_fs_base,  ///< wrfsbase
    loads_fs,        ///< loads the segment selector; programs must not do this
    uses_gs,         ///< has a memory operand relative to gs, or reads or writes the gs base
    system_call,     ///< `syscall`
  };
  std::uint8_t length = 0;
  Kind kind = other;
  bool is_bound = false;    ///< must not be moved: it branches or has a rip-relative operand
  bool is_end = false;      ///< execution never continues behind it
  bool is_padding = false;  ///< a nop with a memory operand
  /// The offset of the byte that selects fs, and its value in the same instruction with gs.
  std::uint8_t fs_at = 0;
  std::byte with_gs{};
};

inline constexpr std::size_t longest_instruction = 15;

/// Decodes the instruction at the start of `code`. Returns nothing if it is unknown or longer than
/// `code`.
std::optional<Instruction> decode_instruction(std::span<const std::byte> code);

}  // namespace trap
