// Copies of memory: memcpy() and memmove() of the machine against loops over bytes.

#include <array>
#include <cstddef>
#include <cstring>

#include "machine.h"

namespace machine {
namespace {

constexpr std::size_t longest = 2200;  // more than two rounds of riscv64's copy
constexpr std::size_t edge = 16;       // bytes around the copy that must not change
using Buffer = std::array<unsigned char, longest + 2 * edge>;

constinit Buffer source{}, target{};

void fill(Buffer& buffer, unsigned seed) {
  for (auto& byte : buffer)
    byte = static_cast<unsigned char>((seed = seed * 1103515245 + 12345) >> 16);
}

/// Whether `target` has `count` bytes of `source` behind the offset `to`, and elsewhere what fill()
/// has written with `seed`.
bool has_copied(std::size_t to, std::size_t from, std::size_t count, unsigned seed) {
  for (std::size_t i = 0; i != target.size(); ++i) {
    seed = seed * 1103515245 + 12345;
    const bool is_copied = i >= to && i < to + count;
    const auto expected =
        is_copied ? source[from + i - to] : static_cast<unsigned char>(seed >> 16);
    if (target[i] != expected) return false;
  }
  return true;
}

void check_copy(std::size_t to, std::size_t from, std::size_t count) {
  fill(target, 7);
  const bool returns_target = std::memcpy(&target[to], &source[from], count) == &target[to];
  check(returns_target && has_copied(to, from, count, 7), "memcpy copies exactly the bytes");
}

}  // namespace

void check_copies() {
  fill(source, 1);
  for (std::size_t count = 0; count <= longest; count += count < 160 ? 1 : 37) {
    check_copy(edge, edge, count);
    check_copy(edge, edge + 3, count);
    check_copy(edge + 5, edge, count);
  }
  // Down by a word, so that the copy reads what it writes later.
  for (std::size_t count = 0; count <= longest; count += 61) {
    fill(target, 1);
    std::memmove(&target[edge], &target[edge + 8], count);
    bool holds = true;
    for (std::size_t i = 0; i != count; ++i) holds &= target[edge + i] == source[edge + 8 + i];
    check(holds, "memmove reads each byte before it writes it");
  }
}

}  // namespace machine
