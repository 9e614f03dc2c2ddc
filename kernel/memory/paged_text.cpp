#include "memory/paged_text.h"

#include <algorithm>

namespace kernel::memory {

char* PagedText::end() {
  const std::size_t used = size_ % hal::page_size;
  if (used == 0) {
    if (!can_allocate(hal::page_size + node_bytes)) return nullptr;
    Frame page = Frame::allocate(Use::user);
    last_ = reinterpret_cast<char*>(page.bytes());
    pages_.emplace(size_ / hal::page_size, std::move(page));
  }
  return last_ + used;
}

void PagedText::append(std::string_view text) {
  while (!text.empty() && is_complete_) {
    char* const to = end();
    is_complete_ = to != nullptr;
    if (!is_complete_) return;
    const std::size_t count = std::min(text.size(), hal::page_size - size_ % hal::page_size);
    text.copy(to, count);
    text.remove_prefix(count);
    size_ += count;
  }
}

std::span<const std::byte> PagedText::piece_at(std::size_t offset) const {
  if (offset >= size_) return {};
  const std::size_t at = offset % hal::page_size;
  const Frame& page = pages_.find(offset / hal::page_size)->second;
  return {page.bytes() + at, std::min(hal::page_size - at, size_ - offset)};
}

}  // namespace kernel::memory
