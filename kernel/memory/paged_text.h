// A text stored page by page, so that it never needs contiguous memory. It takes a page only if
// can_allocate() allows it. Otherwise it drops whatever is appended from then on, and is_complete()
// returns false.
//
//   fmt::format_to(std::back_inserter(text), "{}\n", number);
//
// All functions run in the strand.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string_view>

#include "memory/frames.h"

namespace kernel::memory {

class PagedText {
 public:
  using value_type = char;  // needed by std::back_inserter

  void push_back(char character) { append({&character, 1}); }
  PagedText& operator+=(std::string_view text) {
    append(text);
    return *this;
  }
  PagedText& operator+=(char character) {
    push_back(character);
    return *this;
  }

  /// The size in bytes.
  std::size_t size() const { return size_; }
  /// False: some of the appended text was dropped for lack of memory.
  bool is_complete() const { return is_complete_; }
  /// The bytes from `offset` to the end of their page or of the text. Empty at the end of the text.
  std::span<const std::byte> piece_at(std::size_t offset) const;

 private:
  using Pages = std::map<std::size_t, Frame>;
  static constexpr std::size_t node_bytes = sizeof(Pages::value_type) + 4 * sizeof(void*);

  void append(std::string_view text);
  /// The address of the next byte to append, in a page with room. Null: there is no memory.
  char* end();

  Pages pages_;           // by index
  char* last_ = nullptr;  // the first byte of the text's last page
  std::size_t size_ = 0;
  bool is_complete_ = true;
};

}  // namespace kernel::memory

namespace kernel {
using memory::PagedText;
}  // namespace kernel
