// memcpy, memmove, memset, memcmp and memchr in 64-bit words. The C library's versions take five or
// six instructions per byte; these take one per byte at worst and a third of one at best.
//
// Every load and store is aligned, because a misaligned one may trap into the firmware. If source
// and destination have different alignment, each destination word is combined from two source
// words. Such reads may go to the end of a word that holds a requested byte, but not into the next
// word.
#include <bit>
#include <cstddef>
#include <cstdint>

#include "copy_words.h"

extern "C" void* memcpy(void* destination, const void* source, std::size_t count);

namespace {

using Word = std::uint64_t;
constexpr std::size_t word_bytes = sizeof(Word);
constexpr std::size_t block_bytes = 8 * word_bytes;
constexpr std::size_t short_copy = 2 * word_bytes;  // bytes are faster below this
constexpr Word ones = ~Word{0} / 0xff;              // 1 in each byte

// Without this, the compiler would turn the loops into calls of the functions they implement.
#define NO_BUILTIN __attribute__((no_builtin))

std::size_t offset_in_word(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % word_bytes;
}

using Bytes = unsigned char;
// Words that may alias objects of any type.
using AnyWord [[gnu::may_alias]] = Word;

// The highest bit of each byte that the word at `at` and `wanted` have in common.
[[gnu::always_inline]] inline NO_BUILTIN Word high_bits_of_equal_bytes(const Bytes* at,
                                                                       Word wanted) {
  constexpr Word low_bits = 0x7f * ones;
  const Word difference = *reinterpret_cast<const AnyWord*>(at) ^ wanted;
  return ~((difference & low_bits) + low_bits | difference | low_bits);
}

[[gnu::always_inline]] inline NO_BUILTIN void copy_bytes(Bytes* to, const Bytes* from,
                                                         std::size_t count) {
  for (; count != 0; --count) *to++ = *from++;
}

// `to` is word-aligned, `from` is not: combines each word from two.
NO_BUILTIN void copy_shifted(Bytes* to, const Bytes* from, std::size_t count) {
  const std::size_t skew = offset_in_word(from);
  const unsigned down = 8 * skew, up = 64 - down;
  auto* out = reinterpret_cast<AnyWord*>(to);
  auto* in = reinterpret_cast<const AnyWord*>(from - skew);
  Word held = *in++;
  const auto join = [&](Word low, Word high) { return low >> down | high << up; };
  for (; count >= 4 * word_bytes; count -= 4 * word_bytes, out += 4, in += 4) {
    const Word a = in[0], b = in[1], c = in[2], d = in[3];
    out[0] = join(held, a), out[1] = join(a, b), out[2] = join(b, c), out[3] = join(c, d);
    held = d;
  }
  for (; count >= word_bytes; count -= word_bytes) {
    const Word next = *in++;
    *out++ = join(held, next);
    held = next;
  }
  copy_bytes(reinterpret_cast<Bytes*>(out), reinterpret_cast<const Bytes*>(in - 1) + skew, count);
}

// memcpy, if a pointer is not word-aligned. A function of its own, so that memcpy needs no stack.
[[gnu::noinline]] NO_BUILTIN void* copy_unaligned(void* destination, const void* source,
                                                  std::size_t count) {
  auto* to = static_cast<Bytes*>(destination);
  auto* from = static_cast<const Bytes*>(source);
  if (count < short_copy) return copy_bytes(to, from, count), destination;
  for (; offset_in_word(to) != 0; --count) *to++ = *from++;
  if (offset_in_word(from) != 0) {
    copy_shifted(to, from, count);
  } else {
    memcpy(to, from, count);
  }
  return destination;
}

}  // namespace

extern "C" {

NO_BUILTIN void* memcpy(void* destination, const void* source, std::size_t count) {
  if ((offset_in_word(destination) | offset_in_word(source)) != 0) [[unlikely]]
    [[clang::musttail]] return copy_unaligned(destination, source, count);
  [[clang::musttail]] return cotrap_copy_words(destination, source, count);
}

NO_BUILTIN void* memmove(void* destination, const void* source, std::size_t count) {
  auto* to = static_cast<Bytes*>(destination);
  auto* from = static_cast<const Bytes*>(source);
  // memcpy reads before it overwrites as long as it moves data downwards.
  if (to <= from || to >= from + count) return memcpy(destination, source, count);
  to += count;
  from += count;
  if (offset_in_word(to) == offset_in_word(from) && count >= short_copy) {
    for (; offset_in_word(to) != 0; --count) *--to = *--from;
    for (; count >= word_bytes; count -= word_bytes) {
      to -= word_bytes;
      from -= word_bytes;
      *reinterpret_cast<AnyWord*>(to) = *reinterpret_cast<const AnyWord*>(from);
    }
  }
  for (; count != 0; --count) *--to = *--from;
  return destination;
}

NO_BUILTIN void* memset(void* destination, int value, std::size_t count) {
  auto* to = static_cast<Bytes*>(destination);
  if (count >= short_copy) {
    const Word word = static_cast<Bytes>(value) * ones;
    for (; offset_in_word(to) != 0; --count) *to++ = static_cast<Bytes>(value);
    auto* out = reinterpret_cast<AnyWord*>(to);
    for (; count >= block_bytes; count -= block_bytes, out += 8) {
      out[0] = word, out[1] = word, out[2] = word, out[3] = word;
      out[4] = word, out[5] = word, out[6] = word, out[7] = word;
    }
    for (; count >= word_bytes; count -= word_bytes) *out++ = word;
    to = reinterpret_cast<Bytes*>(out);
  }
  for (; count != 0; --count) *to++ = static_cast<Bytes>(value);
  return destination;
}

NO_BUILTIN int memcmp(const void* left, const void* right, std::size_t count) {
  auto* a = static_cast<const Bytes*>(left);
  auto* b = static_cast<const Bytes*>(right);
  if (offset_in_word(a) == 0 && offset_in_word(b) == 0) {
    while (count >= word_bytes &&
           *reinterpret_cast<const AnyWord*>(a) == *reinterpret_cast<const AnyWord*>(b)) {
      a += word_bytes;
      b += word_bytes;
      count -= word_bytes;
    }
  }
  for (; count != 0; --count, ++a, ++b) {
    if (*a != *b) return *a - *b;
  }
  return 0;
}

NO_BUILTIN void* memchr(const void* range, int value, std::size_t count) {
  if (count == 0) return nullptr;
  auto* const start = static_cast<const Bytes*>(range);
  const Bytes* const end = start + count;
  const std::size_t skew = offset_in_word(start);
  const Bytes* at = start - skew;
  const Word wanted = static_cast<Bytes>(value) * ones;
  Word found = high_bits_of_equal_bytes(at, wanted) & ~Word{0} << 8 * skew;
  while (found == 0) {
    at += word_bytes;
    if (at >= end) return nullptr;
    found = high_bits_of_equal_bytes(at, wanted);
  }
  at += std::countr_zero(found) / 8;
  return at < end ? const_cast<Bytes*>(at) : nullptr;
}

}  // extern "C"
