// Built for rv64gcv: the compiler makes vector instructions of these loops. Their operands cross
// pages that fault, some in the middle of an instruction.
#include <user/files.h>

#include <vector>

#include "vectors.h"

using namespace user;

namespace {

constexpr std::size_t count = 3 * 4096;

[[gnu::noinline]] void multiply_add(std::uint32_t* to, const std::uint32_t* a,
                                    const std::uint16_t* b) {
  for (std::size_t i = 0; i < count; ++i) to[i] = a[i] * 5 + b[i];
}
[[gnu::noinline]] void scale(double* to, const std::uint32_t* from) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i] * 0.5;
}

}  // namespace

void check_computing(std::uint64_t seed) {
  constexpr std::size_t bytes = 16 * count;
  std::byte* const fresh = must(map_memory(bytes, abi::prot_read | abi::prot_write), "memory");
  // Not aligned to a register, so that a store crosses each boundary of pages.
  auto* const sums = reinterpret_cast<std::uint32_t*>(fresh + 4);
  auto* const halves = reinterpret_cast<double*>(fresh + bytes / 2 - 8);
  std::vector<std::uint32_t> a(count);
  std::vector<std::uint16_t> b(count);
  Random random{seed};
  for (auto& word : a) word = static_cast<std::uint32_t>(random.next());
  for (auto& word : b) word = static_cast<std::uint16_t>(random.next());
  multiply_add(sums, a.data(), b.data());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t expected = a[i] * 5 + b[i];
    check(*const_cast<const volatile std::uint32_t*>(sums + i) == expected, "the sum {}", i);
  }
  scale(halves, a.data());
  for (std::size_t i = 0; i < count; ++i) {
    const double half = *const_cast<const volatile double*>(halves + i);
    check(half * 2 == a[i], "the half {}", i);
  }
  must(unmap_memory(fresh, bytes), "unmapping");
}
