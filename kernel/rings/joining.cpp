#include "rings/joining.h"

#include <algorithm>

namespace kernel {

Joined join(const abi::RingSubmission& first, RingView::Submissions shared,
            RingView::Completions slots, std::size_t most) {
  const std::size_t count = std::min(shared.size(), slots.size());
  TransferEnd end{first};
  std::uint32_t length = first.length;
  std::uint64_t user_data = first.user_data;
  std::size_t bytes = 0, joined = 0;
  while (length <= most - bytes) {
    bytes += length;
    slots[joined] = {user_data, static_cast<std::int32_t>(length), 0};
    if (++joined == count) break;
    const abi::RingSubmission& next = shared[joined];
    if (!end.is_start_of(next)) break;
    length = read_once(next.length);
    user_data = read_once(next.user_data);
    end.advance(length);
  }
  return {static_cast<std::uint32_t>(joined), static_cast<std::uint32_t>(bytes)};
}

// What the program writes into the slots meanwhile makes its results wrong, and no more.
std::uint32_t settle(RingView::Completions joined, std::size_t moved) {
  std::uint32_t stand = 0;
  for (abi::RingCompletion& completion : joined) {
    const auto length = static_cast<std::uint32_t>(read_once(completion.result));
    if (length > moved) {
      if (moved == 0) break;
      completion.result = static_cast<std::int32_t>(moved);
      return stand + 1;
    }
    moved -= length;
    ++stand;
  }
  return stand;
}

}  // namespace kernel
