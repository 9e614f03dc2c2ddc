// Clears and copies whole pages. The loops are unrolled, because they are most of a page fault's
// cost.
#include <hal/machine/translation.h>

namespace hal {
namespace {

template <std::size_t block>
void zero_by_blocks(std::byte* page) {
  std::byte* const end = page + page_size;
  constexpr std::size_t blocks = 8;
  for (; page != end; page += blocks * block) {
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < blocks; ++i)
      asm volatile("cbo.zero (%0)" : : "r"(page + i * block) : "memory");
  }
}

}  // namespace

void zero_page(void* page) {
  if (zero_block_size == 64) return zero_by_blocks<64>(static_cast<std::byte*>(page));
  auto* word = static_cast<std::uint64_t*>(page);
  for (auto* const end = word + page_size / 8; word != end; word += 16) {
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < 16; ++i) *static_cast<volatile std::uint64_t*>(word + i) = 0;
  }
}

void copy_page(void* to, const void* from) {
  auto* out = static_cast<std::uint64_t*>(to);
  auto* in = static_cast<const std::uint64_t*>(from);
  for (auto* const end = out + page_size / 8; out != end; out += 16, in += 16) {
    std::uint64_t line[16];
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < 16; ++i) line[i] = in[i];
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < 16; ++i) *static_cast<volatile std::uint64_t*>(out + i) = line[i];
  }
}

}  // namespace hal
