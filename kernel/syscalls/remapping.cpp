// mremap: growing, shrinking and moving an area.
//
// An area moves in three steps: a new area with the same backing, the same frames at both places,
// the end of the old pages. If the area is large, other jobs run in between. Faults in the old
// range wait meanwhile, and the program does not know the new range yet.

#include <abi/flags.h>

#include <algorithm>

#include "process/steps.h"
#include "syscalls/calls.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::MapRequest;

struct Remapping {
  std::uintptr_t old;
  std::size_t old_bytes;  // a multiple of the page size, like `bytes`
  std::size_t bytes;
  int flags;
  std::uintptr_t address;  // with MREMAP_FIXED; else a hint

  bool has(int flag) const { return (flags & flag) != 0; }
  /// How many bytes of the old mapping the new one still has.
  std::size_t kept() const { return std::min(old_bytes, bytes); }
};

Result<> check_remapping(const Remapping& wanted) {
  constexpr int known = abi::mremap_maymove | abi::mremap_fixed | abi::mremap_dontunmap;
  const bool may_move = wanted.has(abi::mremap_maymove);
  if ((wanted.flags & ~known) != 0 || !hal::page_aligned(wanted.old) || wanted.bytes == 0)
    return fail(Errno::einval);
  if (wanted.has(abi::mremap_fixed) && !may_move) return fail(Errno::einval);
  if (wanted.has(abi::mremap_dontunmap) && (!may_move || wanted.old_bytes != wanted.bytes))
    return fail(Errno::einval);
  if (!wanted.has(abi::mremap_fixed)) return {};
  const bool fits = wanted.bytes <= hal::user_end && wanted.address <= hal::user_end - wanted.bytes;
  if (!hal::page_aligned(wanted.address) || !fits) return fail(Errno::einval);
  const bool overlaps =
      wanted.old + wanted.old_bytes > wanted.address && wanted.address + wanted.bytes > wanted.old;
  return overlaps ? fail(Errno::einval) : Result<>{};
}

MapRequest remap_request(Thread& self, const Remapping& wanted) {
  const std::uint64_t limit = self.process().limits()[abi::rlimit_as].soft;
  // The old area counts only once.
  const std::size_t ends = wanted.has(abi::mremap_dontunmap) ? 0 : wanted.kept();
  return {.address = wanted.address,
          .bytes = wanted.bytes,
          .place = wanted.has(abi::mremap_fixed) ? MapRequest::Place::exactly
                                                 : MapRequest::Place::anywhere,
          .most_bytes = limit > SIZE_MAX - ends ? SIZE_MAX : limit + ends};
}

/// Whether the call only ends the tail of the range.
bool only_shrinks(const Remapping& wanted) {
  return wanted.bytes <= wanted.old_bytes && !wanted.has(abi::mremap_fixed) &&
         !wanted.has(abi::mremap_dontunmap);
}

/// Unmaps [start, start + length) in a turn of the caller's.
async::Task<Result<>> unmap_in_turn(Thread& self, std::uintptr_t start, std::size_t length) {
  if (self.space().takes_steps(start, length))
    co_await discard_memory(self, self.space(), start, start + length);
  co_return self.space().unmap(start, length);
}

/// mremap() in a turn of its own.
async::Task<Result<std::uintptr_t>> remap_in_turn(Thread& self, Remapping wanted) {
  memory::AddressSpace& space = self.space();
  const auto change = space.join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn || async::is_cancelled()) co_return fail(Errno::eintr);
  if (!space.is_mapped(wanted.old, wanted.old + 1)) co_return fail(Errno::efault);
  if (wanted.bytes < wanted.old_bytes) {
    const std::size_t tail = wanted.old_bytes - wanted.bytes;
    const auto cut = co_await unmap_in_turn(self, wanted.old + wanted.bytes, tail);
    if (!cut) co_return fail(cut.error());
    wanted.old_bytes = wanted.bytes;
  }
  if (only_shrinks(wanted)) co_return wanted.old;
  memory::AreaChange::Range range{*change, wanted.old};
  range.grow_to(wanted.old + wanted.old_bytes);
  const bool replaces =
      wanted.has(abi::mremap_fixed) && space.takes_steps(wanted.address, wanted.bytes);
  if (replaces) co_await discard_memory(self, space, wanted.address, wanted.address + wanted.bytes);
  const auto moved = space.remap(wanted.old, wanted.old_bytes, remap_request(self, wanted),
                                 wanted.has(abi::mremap_maymove));
  if (!moved || *moved == wanted.old) co_return moved;

  const std::uintptr_t end = wanted.old + wanted.old_bytes;
  for (std::uintptr_t at = wanted.old; at != end;) {
    const std::uintptr_t next = space.end_of_step(at, end);
    if (!space.copy_entries(at, *moved + (at - wanted.old), next - at)) {
      (void)co_await unmap_in_turn(self, *moved, wanted.bytes);
      co_return fail(Errno::enomem);
    }
    at = next;
    if (at != end) co_await cond_resched(self);
  }
  if (wanted.has(abi::mremap_dontunmap)) {
    co_await discard_memory(self, space, wanted.old, end);
  } else if (wanted.old_bytes != 0) {
    (void)co_await unmap_in_turn(self, wanted.old, wanted.old_bytes);
  }
  co_return moved;
}

}  // namespace

/// flags: MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP; EINVAL for others
/// linux: On the hosted machine an area with instructions fails with EINVAL. On machines without an
///   MMU an area cannot grow (ENOMEM).
trap::Answer<Result<std::uintptr_t>> mremap(Thread& self, std::uintptr_t old, std::size_t old_bytes,
                                            std::size_t bytes, int flags, std::uintptr_t address) {
  const Remapping wanted{.old = old,
                         .old_bytes = hal::page_up(old_bytes),
                         .bytes = hal::page_up(bytes),
                         .flags = flags,
                         .address = address};
  if (auto checked = check_remapping(wanted); !checked) return fail(checked.error());
  if (old > hal::user_end || wanted.old_bytes > hal::user_end - old) return fail(Errno::efault);
  return self.wait([&] { return remap_in_turn(self, wanted); });
}

}  // namespace sys

KERNEL_CALL(mremap, sys::mremap);

}  // namespace kernel
