// Reads whole files, lines and directories.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/calls.h"

namespace user {

// Reads up to the end of the file.
Result<std::string> read_all(Fd fd);
Result<std::string> read_file(const char* path);

// Reads a file line by line; lines come without their newline.
class LineReader {
 public:
  // If `bytewise`, it reads nothing after the line's end: other programs that share `fd` can read
  // the rest.
  explicit LineReader(Fd fd, bool bytewise = false) : fd_{fd}, bytewise_{bytewise} {}
  // Returns nothing at the end of the file, or after an error (see error()). If a signal interrupts
  // the read (EINTR), returns an empty line.
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

// Calls `use(fd, path)` for each path; for standard input if there is none, and for "-". Prints an
// error for each file that cannot be opened. Returns the exit code.
template <class Use>
int for_each_input(std::string_view tool, std::vector<const char*> paths, Use use);

// Opens `path` for reading; "-" is standard input. Prints an error if it fails.
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
