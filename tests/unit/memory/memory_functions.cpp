// The kernel's memcpy, memmove, memset, memcmp and memchr, under other names, compared with loops
// over bytes. Covers every alignment of source and destination, and lengths around all thresholds.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>

#include "machine.h"

extern "C" {
void* kernel_memcpy(void* to, const void* from, std::size_t count);
void* kernel_memmove(void* to, const void* from, std::size_t count);
void* kernel_memset(void* to, int value, std::size_t count);
int kernel_memcmp(const void* left, const void* right, std::size_t count);
void* kernel_memchr(const void* range, int value, std::size_t count);
}

namespace {

constexpr std::size_t room = 320;
using Buffer = std::array<unsigned char, room>;

Buffer noise(test::Random& random) {
  Buffer buffer;
  for (auto& byte : buffer) byte = static_cast<unsigned char>(random.next());
  return buffer;
}

}  // namespace

TEST_CASE("memcpy is exact for every alignment and length") {
  test::Random random(1);
  for (std::size_t from = 0; from < 16; ++from) {
    for (std::size_t to = 0; to < 16; ++to) {
      for (std::size_t count = 0; count < 200; ++count) {
        alignas(8) const Buffer source = noise(random);
        alignas(8) Buffer target = noise(random);
        Buffer expected = target;
        for (std::size_t i = 0; i < count; ++i) expected[to + i] = source[from + i];
        REQUIRE(kernel_memcpy(&target[to], &source[from], count) == &target[to]);
        REQUIRE(target == expected);
      }
    }
  }
}

TEST_CASE("memmove is exact however the ranges overlap") {
  test::Random random(2);
  for (std::size_t from = 0; from < 40; ++from) {
    for (std::size_t to = 0; to < 40; ++to) {
      for (std::size_t count = 0; count < 160; count += 1 + count / 40) {
        alignas(8) Buffer buffer = noise(random);
        const Buffer before = buffer;
        Buffer expected = buffer;
        for (std::size_t i = 0; i < count; ++i) expected[to + i] = before[from + i];
        REQUIRE(kernel_memmove(&buffer[to], &buffer[from], count) == &buffer[to]);
        REQUIRE(buffer == expected);
      }
    }
  }
}

TEST_CASE("memset sets exactly the requested bytes") {
  test::Random random(3);
  for (std::size_t to = 0; to < 16; ++to) {
    for (std::size_t count = 0; count < 200; ++count) {
      alignas(8) Buffer buffer = noise(random);
      Buffer expected = buffer;
      for (std::size_t i = 0; i < count; ++i) expected[to + i] = 0xfd;
      REQUIRE(kernel_memset(&buffer[to], -3, count) == &buffer[to]);
      REQUIRE(buffer == expected);
    }
  }
}

TEST_CASE("memcmp compares unsigned bytes up to the first difference") {
  alignas(8) Buffer left;
  alignas(8) Buffer right;
  left.fill(7);
  right.fill(7);
  for (std::size_t a = 0; a < 9; ++a) {
    for (std::size_t b = 0; b < 9; ++b) {
      for (std::size_t count = 0; count < 60; ++count) {
        REQUIRE(kernel_memcmp(&left[a], &right[b], count) == 0);
        for (std::size_t at = 0; at < count; ++at) {
          left[a + at] = 200;
          REQUIRE(kernel_memcmp(&left[a], &right[b], count) > 0);
          REQUIRE(kernel_memcmp(&right[b], &left[a], count) < 0);
          left[a + at] = 7;
        }
      }
    }
  }
}

TEST_CASE("memchr finds the first byte with the value, and none outside the range") {
  alignas(8) Buffer buffer;
  // The bytes around the value differ from it by one, or only in the highest bit.
  for (const unsigned char other : {0x00, 0x01, 0x7f, 0x80, 0x81, 0xff}) {
    for (const int wanted : {other ^ 1, other ^ 0x80}) {
      buffer.fill(other);
      for (std::size_t from = 0; from < 9; ++from) {
        for (std::size_t at = 0; at < 40; ++at) {
          buffer[from + at] = static_cast<unsigned char>(wanted);
          buffer[from + at + 5] = static_cast<unsigned char>(wanted);
          for (std::size_t count = 0; count < 50; ++count) {
            void* const expected = at < count ? &buffer[from + at] : nullptr;
            REQUIRE(kernel_memchr(&buffer[from], wanted - 256, count) == expected);
          }
          buffer[from + at] = buffer[from + at + 5] = other;
        }
      }
    }
  }
}
