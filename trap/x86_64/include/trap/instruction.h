// How long an x86_64 instruction is, and what it has to do with fs: as much of a decoder as
// rewriting programs takes. (Intel SDM volume 2, chapter 2 and appendix A; AMD APM volume 3,
// appendix A.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace trap {

struct Instruction {
  enum Kind : std::uint8_t {
    other,           ///< nothing to do with fs
    uses_fs,         ///< its memory operand is relative to fs
    reads_fs_base,   ///< rdfsbase
    writes_fs_base,  ///< wrfsbase
    loads_fs,        ///< the selector: what a program has no business with
    uses_gs,         ///< its memory operand is relative to gs, or it reads or writes that base
    system_call,     ///< `syscall`
  };
  std::uint8_t length = 0;
  Kind kind = other;
  bool is_bound =
      false;            ///< elsewhere it would do something else: it branches, or knows its address
  bool is_end = false;  ///< nothing goes on behind it
  bool is_padding = false;  ///< a nop with an operand for its length
  /// Where the byte is that says fs, and what it is in the same instruction with gs.
  std::uint8_t fs_at = 0;
  std::byte with_gs{};
};

inline constexpr std::size_t longest_instruction = 15;

/// The instruction that `code` begins with; nothing if it is none that is known here, or if its
/// end is not in `code`.
std::optional<Instruction> decode_instruction(std::span<const std::byte> code);

}  // namespace trap
