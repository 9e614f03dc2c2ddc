#include "memory/user_memory.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace kernel::memory {
namespace {

// Calls each(kernel address, bytes, offset) for every piece that lies in one page.
template <class Each>
Result<> for_pieces(AddressSpace& space, VirtAddr start, std::size_t bytes, Access wanted,
                    Each each) {
  for (std::size_t done = 0; done < bytes;) {
    const VirtAddr at = start + done;
    const std::size_t size = std::min(bytes - done, hal::page_size - at % hal::page_size);
    const auto here = space.fault_in(at, wanted);
    if (!here) return fail(here.error());
    each(*here, size, done);
    done += size;
  }
  return {};
}

}  // namespace

Result<> copy_from_user(AddressSpace& space, void* to, VirtAddr from, std::size_t bytes) {
  return for_pieces(space, from, bytes, Access::read,
                    [to](const std::byte* here, std::size_t size, std::size_t offset) {
                      std::memcpy(static_cast<std::byte*>(to) + offset, here, size);
                    });
}

Result<> copy_to_user(AddressSpace& space, VirtAddr to, const void* from, std::size_t bytes) {
  return for_pieces(space, to, bytes, Access::write,
                    [from](std::byte* here, std::size_t size, std::size_t offset) {
                      std::memcpy(here, static_cast<const std::byte*>(from) + offset, size);
                    });
}

/// Copies the bytes before the first zero, at most `most`, and returns their number. Reads whole
/// words, each one once: the program may change them meanwhile.
[[gnu::noinline]] static std::size_t copy_until_zero(char* to, const std::byte* from,
                                                     std::size_t most) {
  using Word = std::uint64_t;
  constexpr Word ones = ~Word{0} / 0xff, highest_bits = ones << 7;
  const std::size_t skew = reinterpret_cast<std::uintptr_t>(from) % sizeof(Word);
  const auto* word_at = reinterpret_cast<const volatile Word*>(from - skew);
  // The lowest of these bits belongs to the first zero.
  const auto zeros_of = [](Word word) { return (word - ones) & ~word & highest_bits; };
  std::size_t copied = 0;
  Word word = *word_at++ >> 8 * skew;  // the shift fills the end with zeros
  std::size_t in_word = sizeof(Word) - skew;
  for (;;) {
    const Word zeros = zeros_of(word);
    const std::size_t before_zero = zeros == 0 ? sizeof(Word) : std::countr_zero(zeros) / 8;
    const std::size_t wanted = std::min({in_word, before_zero, most - copied});
    for (std::size_t i = 0; i != wanted; ++i, word >>= 8) to[copied + i] = static_cast<char>(word);
    copied += wanted;
    if (wanted != in_word || copied == most) return copied;
    // The loop leaves the last word to the code above: no word may lie behind the last page of RAM.
    while (zeros_of(word = *word_at++) == 0 && most - copied > sizeof(Word)) {
      __builtin_memcpy(to + copied, &word, sizeof word);
      copied += sizeof word;
    }
    in_word = sizeof(Word);
  }
}

Result<std::string_view> string_from_user(AddressSpace& space, VirtAddr from,
                                          std::span<char> buffer) {
  constexpr std::size_t usual_length = 64;
  std::size_t done = 0;
  while (done < buffer.size()) {
    const VirtAddr at = from + done;
    const std::size_t size =
        std::min({buffer.size() - done, hal::page_size - at % hal::page_size, usual_length});
    const auto here = space.fault_in(at, Access::read);
    if (!here) return fail(here.error());
    const std::size_t copied = copy_until_zero(buffer.data() + done, *here, size);
    done += copied;
    if (copied != size) return std::string_view{buffer.data(), done};
  }
  return fail(Errno::enametoolong);
}

}  // namespace kernel::memory
