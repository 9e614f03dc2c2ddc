// Clears and copies whole pages: by the instructions stosq and movsq with `rep`, for which many
// processors have fast ways, or by a vector register, of 16 bytes with SSE and of 32 with AVX. Boot
// measures which way is the fastest.
//
// The kernel uses no vector registers elsewhere, and they hold a program's values. So the second
// way saves the register that it uses.
#include "page_contents.h"

#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/machine/msr.h>
#include <hal/machine/timer.h>
#include <hal/machine/translation.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace hal {
namespace pc {
namespace {

void zero_by_words(void* page) {
  std::size_t words = page_size / 8;
  asm volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(0) : "memory");
}

enum class Register : std::uint8_t { xmm, ymm };

constexpr std::uint32_t upper_halves = 1 << 2;  // in XCR0 and XINUSE: those of AVX's registers

/// Whether the upper half of an AVX register is not 0. While none is, instructions of SSE are
/// faster on many processors.
bool upper_halves_are_in_use() {
  std::uint32_t in_use, high;
  asm volatile("xgetbv" : "=a"(in_use), "=d"(high) : "c"(1));
  return (in_use & upper_halves) != 0;
}

/// While it exists, the first vector register is free. No interrupt may come in between: afterwards
/// the register would be that of another step or program.
template <Register which>
class FreeRegister {
 public:
  using Value = std::array<std::byte, which == Register::ymm ? 32 : 16>;

  FreeRegister() {
    asm volatile("movq %%cr0, %0" : "=r"(cr0_));
    if ((cr0_ & task_switched) != 0) asm volatile("clts");
    if constexpr (which == Register::ymm) {
      uses_upper_halves_ = upper_halves_are_in_use();
      asm volatile("vmovups %%ymm0, %0" : "=m"(value_));
    } else {
      asm volatile("movups %%xmm0, %0" : "=m"(value_));
    }
  }
  FreeRegister(const FreeRegister&) = delete;
  ~FreeRegister() {
    if constexpr (which == Register::ymm) {
      asm volatile("vmovups %0, %%ymm0" : : "m"(value_));
      if (!uses_upper_halves_) asm volatile("vzeroupper");
    } else {
      asm volatile("movups %0, %%xmm0" : : "m"(value_));
    }
    if ((cr0_ & task_switched) != 0) asm volatile("movq %0, %%cr0" : : "r"(cr0_));
  }

  void clear() const {
    if constexpr (which == Register::ymm) {
      asm volatile("vxorps %ymm0, %ymm0, %ymm0");
    } else {
      asm volatile("xorps %xmm0, %xmm0");
    }
  }
  /// `to` is aligned to its size.
  void store(Value& to) const {
    if constexpr (which == Register::ymm) {
      asm volatile("vmovaps %%ymm0, %0" : "=m"(to));
    } else {
      asm volatile("movaps %%xmm0, %0" : "=m"(to));
    }
  }

 private:
  static constexpr std::uint64_t task_switched = 1 << 3;

  InterruptGuard masked_;
  bool uses_upper_halves_ = false;
  std::uint64_t cr0_;
  Value value_;
};

template <Register which>
void zero_by(void* page) {
  using Free = FreeRegister<which>;
  const Free free;
  free.clear();
  auto* const pieces = static_cast<Free::Value*>(page);
#pragma clang loop unroll(full)
  for (std::size_t i = 0; i < page_size / sizeof(typename Free::Value); ++i) free.store(pieces[i]);
}

/// Whether programs may use AVX, and upper_halves_are_in_use() works.
bool has_avx() {
  return (cpuid(1).c >> 28 & 1) != 0 && (cpuid(0xd).a & upper_halves) != 0 &&
         (cpuid(0xd, 1).a >> 2 & 1) != 0;
}

using Clear = void (*)(void* page);
constinit Clear clear = zero_by_words;  // chosen at boot

/// The shortest of several times, in counts of the time stamp counter.
std::uint64_t time_of(Clear way, void* page) {
  std::uint64_t shortest = ~std::uint64_t{0};
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t begin = read_counter();
    way(page);
    shortest = std::min(shortest, read_counter() - begin);
  }
  return shortest;
}

}  // namespace

void choose_page_instructions() {
  alignas(page_size) static constinit std::array<std::byte, page_size> page{};
  std::uint64_t shortest = time_of(zero_by_words, page.data());
  constexpr Clear by_avx = zero_by<Register::ymm>;
  for (const Clear way : {Clear{zero_by<Register::xmm>}, by_avx}) {
    if (way == by_avx && !has_avx()) continue;
    const std::uint64_t time = time_of(way, page.data());
    if (time >= shortest) continue;
    shortest = time;
    clear = way;
  }
}

}  // namespace pc

void zero_page(void* page) {
  pc::clear(page);
}

void copy_page(void* to, const void* from) {
  std::size_t words = page_size / 8;
  asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

}  // namespace hal
