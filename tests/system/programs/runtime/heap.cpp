#include "runtime.h"

#include <user/check.h>
#include <user/thread.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

using namespace user;

namespace {

struct Random {
  std::uint64_t state;
  std::uint64_t below(std::uint64_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % limit;
  }
};

void stress_heap(std::uint64_t seed) {
  struct Block {
    unsigned char* bytes;
    std::size_t size;
    unsigned char fill;
  };
  Random random{seed};
  std::array<Block, 64> blocks{};
  for (int i = 0; i < 4'000; ++i) {
    auto& block = blocks[random.below(blocks.size())];
    for (std::size_t at = 0; at < block.size; at += 97) {
      check(block.bytes[at] == block.fill, "a block keeps its bytes");
    }
    const auto size = 1 + random.below(i % 50 == 0 ? 300'000 : 700);
    auto* const bytes = static_cast<unsigned char*>(std::realloc(block.bytes, size));
    check(bytes != nullptr, "the heap has {} bytes", size);
    check(block.size == 0 || bytes[0] == block.fill, "realloc keeps the contents");
    block = {bytes, size, static_cast<unsigned char>(i)};
    std::memset(bytes, block.fill, size);
    if (random.below(4) == 0) {
      std::free(block.bytes);
      block = {};
    }
  }
  for (const auto& block : blocks) std::free(block.bytes);
}

}  // namespace

void runtime::heap() {
  {
    const std::array<Thread, 3> threads{Thread{[] { stress_heap(1); }},
                                        Thread{[] { stress_heap(2); }},
                                        Thread{[] { stress_heap(3); }}};
  }
  for (std::size_t alignment = 16; alignment <= 8192; alignment *= 2) {
    void* const block = std::aligned_alloc(alignment, 3 * alignment);
    check(reinterpret_cast<std::uintptr_t>(block) % alignment == 0, "the block is aligned to {}",
          alignment);
    std::memset(block, 1, 3 * alignment);
    std::free(block);
  }
  // Volatile, so that the compiler does not know the size.
  volatile std::size_t absurd = ~std::size_t{0} / 2;
  void* volatile block = std::malloc(absurd);
  check(block == nullptr, "an absurd size returns null");
  absurd = ~std::size_t{0} / 4 + 2;  // four times this is 2^64 + 4, which overflows
  block = std::calloc(absurd, 4);
  check(block == nullptr, "a size that overflows returns null");
  println("heap: blocks of all sizes from three threads");
}
