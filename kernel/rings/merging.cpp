#include "rings/merging.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

namespace kernel {
namespace {

std::uint64_t extended(std::uint32_t length) {
  return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(length)});
}

/// The second word is the result in its low half and the flags, which are 0, in its high half.
abi::RingCompletion completion_of(std::uint64_t user_data, std::uint64_t length) {
  static_assert(std::endian::native == std::endian::little);
  static_assert(offsetof(abi::RingCompletion, result) == sizeof user_data);
  return std::bit_cast<abi::RingCompletion>(std::array{user_data, length});
}

}  // namespace

MergedTransfer merge(const abi::RingSubmission& first, RingView::Submissions shared,
                     RingView::Completions slots, std::size_t most,
                     std::span<std::uint32_t> lengths) {
  const std::size_t count = std::min({shared.size(), slots.size(), lengths.size()});
  TransferEnd end{first};
  // Sign-extended, because riscv64 keeps 32-bit values so and needs no instruction for this. A
  // length of 2 GiB or more exceeds `most` whether it is sign-extended or not.
  std::uint64_t length = extended(first.length);
  std::uint64_t user_data = first.user_data;
  std::size_t bytes = 0;
  const abi::RingSubmission* next = shared.data();
  abi::RingCompletion* slot = slots.data();
  std::uint32_t* place = lengths.data();
  std::uint32_t* const last = place + count;
  while (length <= most - bytes) {
    bytes += length;
    *place++ = static_cast<std::uint32_t>(length);
    *slot++ = completion_of(user_data, length);
    if (place == last) break;
    if (!end.is_start_of(*++next)) break;
    length = extended(read_once(next->length));
    user_data = read_once(next->user_data);
    end.advance(length);
  }
  return {{lengths.data(), place}, static_cast<std::uint32_t>(bytes)};
}

std::uint32_t commit(const MergedTransfer& merged, RingView::Completions slots, std::size_t moved) {
  std::uint32_t stand = 0;
  for (const std::uint32_t length : merged.lengths) {
    if (length > moved) {
      if (moved == 0) break;
      slots[stand].result = static_cast<std::int32_t>(moved);
      return stand + 1;
    }
    moved -= length;
    ++stand;
  }
  return stand;
}

}  // namespace kernel
