// RLIMIT_FSIZE: how large a program may make a regular file.
//
// The limits are those of processes, which this floor does not know. So the process floor sets
// limit_of_caller when a program first sets RLIMIT_FSIZE. Until then a write reads only one
// word for it.
#pragma once

#include <async/shared_word.h>
#include <async/strand.h>
#include <kernel/result.h>

#include <algorithm>
#include <cstdint>

namespace kernel::size_limit {

/// The limit of the program that makes the present call. `exceeds`: the call fails for it, and the
/// program gets SIGXFSZ. In the strand.
using LimitOfCaller = std::uint64_t (*)(bool exceeds);

/// Null: no program has ever set a limit. It changes in the strand.
inline constinit async::SharedWord<LimitOfCaller> limit_of_caller = nullptr;

inline bool is_used() {
  return limit_of_caller != nullptr;
}

/// How many of `bytes` bytes the caller may write from `offset` on. EFBIG: none. would_block: the
/// call needs the strand.
inline Result<std::uint64_t> room(std::uint64_t offset, std::uint64_t bytes) {
  const LimitOfCaller limit_of = limit_of_caller;
  if (limit_of == nullptr || bytes == 0) [[likely]]
    return bytes;
  if (!async::Strand::is_held()) return fail(Errno::would_block);
  const std::uint64_t limit = limit_of(false);
  if (offset < limit) return std::min(bytes, limit - offset);
  (void)limit_of(true);
  return fail(Errno::efbig);
}

/// Whether the caller may make a file of `old` bytes `size` bytes long. EFBIG; would_block.
inline Result<> check(std::uint64_t old, std::uint64_t size) {
  if (size <= old) return {};
  if (auto last = room(size - 1, 1); !last) return fail(last.error());
  return {};
}

}  // namespace kernel::size_limit
