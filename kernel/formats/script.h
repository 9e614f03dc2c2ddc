// The first line of a script: `#!`, the path of the program that runs it, and at most one argument.
//
// The rules are Linux's (fs/binfmt_script.c in 6.12): only the first 256 bytes count, and a path
// that may go on behind them is refused.
#pragma once

#include <kernel/result.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace kernel::formats {

/// The first bytes of a file; behind its end they are zeros.
using FileStart = std::array<char, 256>;

struct ScriptLine {
  std::string_view interpreter;  ///< a path; may be empty
  std::optional<std::string_view> argument;
};

constexpr bool is_script(std::string_view start) {
  return start.starts_with("#!");
}

/// Reads the first line of a file for which is_script() is true. The result refers to `start`.
/// ENOEXEC: there is no path, or it does not end in `start`.
Result<ScriptLine> read_script_line(const FileStart& start);

}  // namespace kernel::formats
