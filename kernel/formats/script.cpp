#include "formats/script.h"

#include <algorithm>

namespace kernel::formats {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::string_view ends = {" \t\0", 3};

}  // namespace

Result<ScriptLine> read_script_line(const FileStart& start) {
  const std::string_view all{start.data(), start.size()};
  std::string_view line = all.substr(0, all.find('\0'));
  if (const auto newline = line.find('\n'); newline != line.npos) {
    line = line.substr(2, newline - 2);
  } else {
    // The last byte never counts. Zeros before it show that the path has ended.
    line = all.substr(2, all.size() - 3);
    const auto path = line.find_first_not_of(blanks);
    if (path == line.npos || all.find_first_of(ends, 2 + path) == all.npos)
      return fail(Errno::enoexec);
  }
  const auto first = line.find_first_not_of(blanks);
  if (first == line.npos) return fail(Errno::enoexec);
  line = line.substr(first, line.find_last_not_of(blanks) + 1 - first);
  const auto text_at = [&](std::size_t at) {
    const std::string_view text = line.substr(at);
    return text.substr(0, text.find('\0'));
  };
  const auto end = line.find_first_of(ends);
  ScriptLine script{.interpreter = line.substr(0, end), .argument = {}};
  if (end == line.npos || line[end] == '\0') return script;
  if (const auto argument = line.find_first_not_of(blanks, end); argument != line.npos)
    script.argument = text_at(argument);
  return script;
}

}  // namespace kernel::formats
