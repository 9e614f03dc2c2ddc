// Clears and copies whole pages: by words, by the instruction cbo.zero, or by vector registers.
// Boot measures the ways that the machine supports, and uses the fastest. The loops are unrolled,
// because they are most of a page fault's cost.
//
// The kernel uses no vector registers elsewhere, and they hold a program's values. So the code that
// uses them saves those that it needs.
#include "page_contents.h"

#include <hal/interrupts.h>
#include <hal/machine/csr.h>
#include <hal/machine/timer.h>
#include <hal/machine/translation.h>
#include <hal/machine/vectors.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hal {
namespace riscv64 {
namespace {

// The kernel is compiled without vectors.
#define WITH_VECTORS(code) ".option push\n\t.option arch, +v\n\t" code ".option pop"

/// While it exists, v0 to v7 are free, in registers of 64-bit elements. No interrupt may come in
/// between: afterwards the registers would be those of another step or program.
class FreeVectors {
 public:
  FreeVectors() : before_{HAL_READ_CSR(HAL_CSR("status")) & status::vs} {
    HAL_SET_CSR(HAL_CSR("status"), status::vs);
    asm volatile(WITH_VECTORS("csrr %0, vstart\n\t"
                              "csrr %1, vl\n\t"
                              "csrr %2, vtype\n\t"
                              "csrw vstart, zero\n\t"
                              "vs8r.v v0, (%3)\n\t"
                              "vsetvli t0, zero, e64, m8, ta, ma\n\t")
                 : "=&r"(vstart_), "=&r"(vl_), "=&r"(vtype_)
                 : "r"(registers_.data())
                 : "t0", "memory");
  }
  FreeVectors(const FreeVectors&) = delete;
  ~FreeVectors() {
    asm volatile(WITH_VECTORS("vl8re8.v v0, (%3)\n\t"
                              "vsetvl zero, %1, %2\n\t"
                              "csrw vstart, %0\n\t")
                 :
                 : "r"(vstart_), "r"(vl_), "r"(vtype_), "r"(registers_.data())
                 : "memory");
    HAL_CLEAR_CSR(HAL_CSR("status"), status::vs);
    HAL_SET_CSR(HAL_CSR("status"), before_);
  }

  /// Bytes of the eight registers.
  std::size_t bytes() const { return std::size_t{8} * HAL_READ_CSR("vlenb"); }

 private:
  InterruptGuard masked_;
  std::uint64_t before_, vstart_, vl_, vtype_;
  alignas(16) std::array<std::byte, 8 * most_vector_bytes> registers_;
};

[[gnu::noinline]] void clear_by_words(std::byte* page) {
  auto* word = reinterpret_cast<std::uint64_t*>(page);
  for (auto* const end = word + page_size / 8; word != end; word += 16) {
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < 16; ++i) *static_cast<volatile std::uint64_t*>(word + i) = 0;
  }
}

[[gnu::noinline]] void clear_by_blocks(std::byte* page) {
  constexpr std::size_t block = 64, blocks = 8;
  std::byte* const end = page + page_size;
  for (; page != end; page += blocks * block) {
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < blocks; ++i)
      asm volatile("cbo.zero (%0)" : : "r"(page + i * block) : "memory");
  }
}

[[gnu::noinline]] void clear_by_vectors(std::byte* page) {
  const FreeVectors free;
  asm volatile(WITH_VECTORS("vmv.v.i v0, 0\n") :);
  const std::size_t step = free.bytes();
  for (std::byte* const end = page + page_size; page != end; page += step)
    asm volatile(WITH_VECTORS("vse64.v v0, (%0)\n") : : "r"(page) : "memory");
}

[[gnu::noinline]] void copy_by_words(std::byte* to, const std::byte* from) {
  auto* out = reinterpret_cast<std::uint64_t*>(to);
  auto* in = reinterpret_cast<const std::uint64_t*>(from);
  constexpr std::size_t words = 16, lines = 4;  // words: as many as there are registers for
  for (auto* const end = out + page_size / 8; out != end; out += lines * words) {
#pragma clang loop unroll(full)
    for (std::size_t each = 0; each < lines; ++each, in += words) {
      std::uint64_t line[words];
#pragma clang loop unroll(full)
      for (std::size_t i = 0; i < words; ++i) line[i] = in[i];
#pragma clang loop unroll(full)
      for (std::size_t i = 0; i < words; ++i)
        *static_cast<volatile std::uint64_t*>(out + each * words + i) = line[i];
    }
  }
}

[[gnu::noinline]] void copy_by_vectors(std::byte* to, const std::byte* from) {
  const FreeVectors free;
  const std::size_t step = free.bytes();
  for (std::byte* const end = to + page_size; to != end; to += step, from += step) {
    asm volatile(WITH_VECTORS("vle64.v v0, (%1)\n\tvse64.v v0, (%0)\n")
                 :
                 : "r"(to), "r"(from)
                 : "memory");
  }
}

alignas(page_size) constinit std::array<std::byte, page_size> tried{};

/// The shortest of several times of `work`, in ticks of the clock.
[[gnu::noinline]] std::uint64_t time_of(void (*work)(std::byte* page)) {
  constexpr int runs = 2, pages = 4;
  std::uint64_t shortest = ~std::uint64_t{0};
#pragma clang loop unroll(disable)
  for (int run = 0; run < runs; ++run) {
    const std::uint64_t begin = clock_ticks();
#pragma clang loop unroll(disable)
    for (int page = 0; page < pages; ++page) work(tried.data());
    shortest = std::min(shortest, clock_ticks() - begin);
  }
  return shortest;
}

constinit std::atomic<void (*)(std::byte* page)> clear = clear_by_words;
constinit std::atomic<void (*)(std::byte* to, const std::byte* from)> copy = copy_by_words;

}  // namespace

void choose_page_instructions() {
  const bool has_blocks = zero_block_size == 64, has_vectors = bytes_of_vector_register() != 0;
  if (!has_blocks && !has_vectors) return;
  std::uint64_t best = time_of(clear_by_words);
  const auto try_clear = [&best](void (*way)(std::byte* page)) {
    const std::uint64_t time = time_of(way);
    if (time >= best) return;
    best = time;
    clear = way;
  };
  if (has_blocks) try_clear(clear_by_blocks);
  if (!has_vectors) return;
  try_clear(clear_by_vectors);
  const std::uint64_t by_words = time_of([](std::byte* page) { copy_by_words(page, page); });
  if (time_of([](std::byte* page) { copy_by_vectors(page, page); }) < by_words)
    copy = copy_by_vectors;
}

void use_words_for_pages() {
  clear.store(clear_by_words, std::memory_order_relaxed);
  copy.store(copy_by_words, std::memory_order_relaxed);
}

}  // namespace riscv64

void zero_page(void* page) {
  riscv64::clear.load(std::memory_order_relaxed)(static_cast<std::byte*>(page));
}

void copy_page(void* to, const void* from) {
  riscv64::copy.load(std::memory_order_relaxed)(static_cast<std::byte*>(to),
                                                static_cast<const std::byte*>(from));
}

}  // namespace hal
