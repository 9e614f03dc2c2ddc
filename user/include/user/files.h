// Reading files, lines and directories in one go.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/calls.h"

namespace user {

// Everything up to the end.
Result<std::string> read_all(Fd fd);
Result<std::string> read_file(const char* path);

// Lines of a file as they come, without their ends.
class LineReader {
 public:
  // `bytewise` never takes more than the line: what follows stays for the programs that share the
  // fd.
  explicit LineReader(Fd fd, bool bytewise = false) : fd_{fd}, bytewise_{bytewise} {}
  // Nothing: end of file. An error other than EINTR counts as one; see error().
  std::optional<std::string> next();
  std::optional<Errno> error() const { return error_; }

 private:
  Fd fd_;
  bool bytewise_;
  bool ended_ = false;
  std::optional<Errno> error_;
  std::string buffer_;
};

struct DirectoryItem {
  std::string name;
  std::uint8_t type;  // abi::dt_*
};
// Sorted by name, without `.` and `..`.
Result<std::vector<DirectoryItem>> list_directory(const char* path);

// A tool's usual loop: calls `use(fd)` for each file named, or for standard input when there is
// none (or for "-"). Complains about files that cannot be opened. Returns the exit code.
template <class Use>
int for_each_input(std::string_view tool, std::vector<const char*> paths, Use use);

Result<Fd> open_input(std::string_view tool, const char* path);

template <class Use>
int for_each_input(std::string_view tool, std::vector<const char*> paths, Use use) {
  if (paths.empty()) paths.push_back("-");
  int code = 0;
  for (const char* path : paths) {
    const auto fd = open_input(tool, path);
    if (!fd) {
      code = 1;
      continue;
    }
    use(*fd, path);
    if (*fd != standard_input) static_cast<void>(close(*fd));
  }
  return code;
}

}  // namespace user
