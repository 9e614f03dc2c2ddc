// Programs of a few bytes.
#pragma once

#include <sys/mman.h>
#include <trap/rewrite.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <vector>

inline constexpr std::uint64_t page_size = 4096;

/// Memory that can be written and executed, like a program's during rewriting.
class Text {
 public:
  explicit Text(const std::vector<unsigned>& code, std::size_t at = 0) : size_{at + code.size()} {
    page_ = static_cast<std::byte*>(mmap(nullptr, 2 * page_size, PROT_READ | PROT_WRITE | PROT_EXEC,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memset(page_, 0x90, page_size);
    for (const unsigned byte : code) page_[at++] = static_cast<std::byte>(byte);
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { munmap(page_, 2 * page_size); }
  std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(page_); }
  std::byte* bytes() { return page_; }
  trap::Code code() { return {{page_, size_}, address()}; }
  /// The page after the code, for thunks.
  trap::Code room(std::size_t size = page_size) {
    return {{page_ + page_size, size}, address() + page_size};
  }

 private:
  std::byte* page_;
  std::size_t size_;
};

/// Rewrites the first instruction of `code`; returns true if it has changed.
inline std::expected<bool, trap::Refusal> rewrite_instruction(trap::Code code) {
  trap::Rewriter rewriter{code, code.address, trap::Rewriter::Fs::mostly_is};
  rewriter.step(1);
  if (rewriter.refusal()) return std::unexpected(*rewriter.refusal());
  return rewriter.changed() != 0;
}
