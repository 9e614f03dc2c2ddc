// A text in pages of its own, so that no length needs memory in one large piece. It takes a page
// only if a program could have it too (can_allocate()). Text without room is dropped, and
// is_complete() returns false then.
//
//   fmt::format_to(std::back_inserter(text), "{}\n", number);
//
// In the strand.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string_view>

#include "memory/frames.h"

namespace kernel::memory {

class PagedText {
 public:
  using value_type = char;  // what std::back_inserter asks for

  void push_back(char character) { append({&character, 1}); }
  PagedText& operator+=(std::string_view text) {
    append(text);
    return *this;
  }
  PagedText& operator+=(char character) {
    push_back(character);
    return *this;
  }

  /// Bytes that it holds.
  std::size_t size() const { return size_; }
  /// False: memory had no room for some of what was appended.
  bool is_complete() const { return is_complete_; }
  /// From `offset` on, as far as the bytes lie in one page. Empty at the end.
  std::span<const std::byte> piece_at(std::size_t offset) const;

 private:
  using Pages = std::map<std::size_t, Frame>;
  static constexpr std::size_t node_bytes = sizeof(Pages::value_type) + 4 * sizeof(void*);

  void append(std::string_view text);
  /// Where the next byte goes, in a page that has room for it. Null: there is no memory.
  char* end();

  Pages pages_;           // by their number in the text
  char* last_ = nullptr;  // the last one's bytes
  std::size_t size_ = 0;
  bool is_complete_ = true;
};

}  // namespace kernel::memory

namespace kernel {
using memory::PagedText;
}  // namespace kernel
