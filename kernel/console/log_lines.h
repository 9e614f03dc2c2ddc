// Collects pieces of text into lines of the log.
#pragma once

#include <kernel/log.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace kernel {

/// A line longer than the buffer is cut off.
struct LogLines {
  std::array<char, 200> line;
  std::size_t length = 0;

  /// An async::GraphSink; `context` is a LogLines.
  static void write(void* context, std::string_view piece) {
    auto& self = *static_cast<LogLines*>(context);
    const bool ends = piece.ends_with('\n');
    if (ends) piece.remove_suffix(1);
    const std::size_t room = std::min(piece.size(), self.line.size() - self.length);
    std::copy_n(piece.data(), room, self.line.data() + self.length);
    self.length += room;
    if (ends) log("{}", std::string_view{self.line.data(), std::exchange(self.length, 0)});
  }
};

}  // namespace kernel
