// The part of memcpy() for aligned addresses, on machines without a version of their own.
#include "copy_words.h"

#include <cstdint>

namespace {

// Without this, the compiler would turn the loops into calls of memcpy().
#define NO_BUILTIN __attribute__((no_builtin))

// Words and bytes that may alias objects of any type.
using Word [[gnu::may_alias]] = std::uint64_t;
using Bytes = unsigned char;
constexpr std::size_t word_bytes = sizeof(Word);
constexpr std::size_t block_bytes = 8 * word_bytes;

[[gnu::always_inline]] inline NO_BUILTIN void copy_block(Word* out, const Word* in) {
  const Word a = in[0], b = in[1], c = in[2], d = in[3];
  const Word e = in[4], f = in[5], g = in[6], h = in[7];
  out[0] = a, out[1] = b, out[2] = c, out[3] = d;
  out[4] = e, out[5] = f, out[6] = g, out[7] = h;
}

}  // namespace

extern "C" NO_BUILTIN void* cotrap_copy_words(void* destination, const void* source,
                                              std::size_t count) {
  auto* out = static_cast<Word*>(destination);
  auto* in = static_cast<const Word*>(source);
  // Most copies are of whole pages. Unrolled, so that 128 loads and stores need only 4 instructions
  // for the loop itself.
  constexpr std::size_t blocks = 8;
  for (; count >= blocks * block_bytes; count -= blocks * block_bytes) {
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < blocks; ++i) copy_block(out + 8 * i, in + 8 * i);
    out += 8 * blocks;
    in += 8 * blocks;
  }
  for (; count >= block_bytes; count -= block_bytes, out += 8, in += 8) copy_block(out, in);
  for (; count >= word_bytes; count -= word_bytes) *out++ = *in++;
  auto* to = reinterpret_cast<Bytes*>(out);
  auto* from = reinterpret_cast<const Bytes*>(in);
  for (; count != 0; --count) *to++ = *from++;
  return destination;
}
