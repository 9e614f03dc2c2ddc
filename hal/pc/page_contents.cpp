// Clears and copies whole pages: by the instructions stosq and movsq with `rep`, for which many
// processors have fast ways, or by SSE's registers of 16 bytes. Boot measures which one is faster.
//
// The kernel uses no vector registers elsewhere, and they hold a program's values. So the second
// way saves the registers that it uses. Instructions of SSE leave the upper parts of AVX's
// registers unchanged.
#include "page_contents.h"

#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/machine/timer.h>
#include <hal/machine/translation.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace hal {
namespace pc {
namespace {

constinit bool uses_sse = false;

void zero_by_words(void* page) {
  std::size_t words = page_size / 8;
  asm volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(0) : "memory");
}
/// While it exists, the first register of SSE is free. No interrupt may come in between: afterwards
/// the register would be that of another step or program.
class FreeRegister {
 public:
  FreeRegister() {
    asm volatile("movq %%cr0, %0" : "=r"(cr0_));
    if ((cr0_ & task_switched) != 0) asm volatile("clts");
    asm volatile("movups %%xmm0, %0" : "=m"(value_));
  }
  FreeRegister(const FreeRegister&) = delete;
  ~FreeRegister() {
    asm volatile("movups %0, %%xmm0" : : "m"(value_));
    if ((cr0_ & task_switched) != 0) asm volatile("movq %0, %%cr0" : : "r"(cr0_));
  }

 private:
  static constexpr std::uint64_t task_switched = 1 << 3;

  InterruptGuard masked_;
  std::uint64_t cr0_;
  std::array<std::byte, 16> value_;
};

void zero_by_sse(void* page) {
  const FreeRegister free;
  asm volatile(
      "xorps %%xmm0, %%xmm0\n\t"
      ".set offset, 0\n\t"
      ".rept 256\n\t"
      "movaps %%xmm0, offset(%0)\n\t"
      ".set offset, offset + 16\n\t"
      ".endr"
      :
      : "r"(page)
      : "memory");
}

/// The shortest of several times, in counts of the time stamp counter.
std::uint64_t time_of(void (*clear)(void*), void* page) {
  std::uint64_t shortest = ~std::uint64_t{0};
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t begin = read_counter();
    clear(page);
    shortest = std::min(shortest, read_counter() - begin);
  }
  return shortest;
}

}  // namespace

void choose_page_instructions() {
  alignas(page_size) static constinit std::array<std::byte, page_size> page{};
  uses_sse = time_of(zero_by_sse, page.data()) < time_of(zero_by_words, page.data());
}

}  // namespace pc

void zero_page(void* page) {
  if (pc::uses_sse) return pc::zero_by_sse(page);
  pc::zero_by_words(page);
}

void copy_page(void* to, const void* from) {
  std::size_t words = page_size / 8;
  asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

}  // namespace hal
