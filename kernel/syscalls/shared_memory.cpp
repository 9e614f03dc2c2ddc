// System V shared memory.
#include "ipc/shared_memory.h"

#include <abi/flags.h>
#include <abi/ipc.h>
#include <hal/machine/translation.h>

#include "process/steps.h"
#include "syscalls/ipc.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using ipc::Segment;
using memory::Area;
using memory::Backing;
using memory::MapRequest;

/// A call of shmat.
struct Attaching {
  int number;
  std::uintptr_t address;
  int flags;

  bool has(int flag) const { return (flags & flag) != 0; }
};

/// Checks the arguments, and rounds the address down with SHM_RND. EINVAL: the number is negative;
/// the address is not aligned, or null with SHM_REMAP.
Result<> place_attaching(Attaching& wanted) {
  if (wanted.number < 0) return fail(Errno::einval);
  if (wanted.address == 0) return wanted.has(abi::shm_remap) ? fail(Errno::einval) : Result<>{};
  if (hal::page_aligned(wanted.address)) return {};
  if (!wanted.has(abi::shm_rnd)) return fail(Errno::einval);
  wanted.address = hal::page_down(wanted.address);
  if (wanted.address == 0 && wanted.has(abi::shm_remap)) return fail(Errno::einval);
  return {};
}

Result<MapRequest> request_for(Thread& self, const Attaching& wanted) {
  const auto segment = ipc::find<Segment>(wanted.number);
  if (!segment) return fail(segment.error());
  const bool is_read_only = wanted.has(abi::shm_rdonly);
  unsigned permissions = is_read_only ? 0444 : 0666;
  hal::Access access = is_read_only ? hal::Access::read : hal::Access::read | hal::Access::write;
  if (wanted.has(abi::shm_exec)) {
    permissions |= 0111;
    access = access | hal::Access::execute;
  }
  if (auto allowed = (*segment)->check(caller_of(self), permissions); !allowed)
    return fail(allowed.error());
  auto backing =
      Backing::of_tracked(Backing::Kind::shared, Ref<memory::TrackedObject>::share(**segment), 0);
  backing.is_read_only = is_read_only;
  using enum MapRequest::Place;
  return MapRequest{.address = wanted.address,
                    .bytes = (*segment)->bytes(),
                    .access = access,
                    .place = wanted.address == 0          ? anywhere
                             : wanted.has(abi::shm_remap) ? exactly
                                                          : if_free,
                    .backing = std::move(backing),
                    .most_bytes = self.process().limits()[abi::rlimit_as].soft};
}

Result<std::uintptr_t> map_segment(Thread& self, MapRequest&& request) {
  using enum MapRequest::Place;
  std::uintptr_t end;
  const bool wraps = __builtin_add_overflow(request.address, request.bytes, &end);
  if (wraps && request.place == if_free) return fail(Errno::einval);
  const memory::TrackedObject::ActsFor actor{self.process().id()};
  auto mapped = self.space().map(std::move(request));
  if (!mapped && mapped.error() == Errno::eexist) return fail(Errno::einval);
  return mapped;
}

async::Task<Result<std::uintptr_t>> attach_in_turn(Thread& self, Attaching wanted) {
  memory::AddressSpace& space = self.space();
  const auto change = space.join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn || async::is_cancelled()) co_return fail(Errno::eintr);
  auto request = request_for(self, wanted);
  if (!request) co_return fail(request.error());
  if (auto possible = space.may_map(*request); !possible) co_return fail(possible.error());
  if (request->place == MapRequest::Place::exactly &&
      space.takes_steps(request->address, request->bytes)) {
    const std::uintptr_t end = request->address + hal::page_up(request->bytes);
    memory::AreaChange::Range range{*change, request->address};
    range.grow_to(end);
    co_await discard_memory(self, space, request->address, end);
  }
  co_return map_segment(self, std::move(*request));
}

/// Calls each(area) for the areas that remain of one shmat at `address`. These have the same
/// segment, and each of their pages still is where shmat has put it. Stops when each() returns
/// false.
template <class Each>
void for_each_area(memory::AddressSpace& space, std::uintptr_t address, Each&& each) {
  const auto is_of_call = [address](const Area& area) {
    return Segment::of(area.backing) != nullptr &&
           area.start - area.backing.first_page * hal::page_size == address;
  };
  const Area* area = space.areas().first_after(address);
  while (area != nullptr && !is_of_call(*area)) area = area->next;
  if (area == nullptr) return;
  const Segment* const segment = Segment::of(area->backing);
  const std::uintptr_t end = address + hal::page_up(segment->bytes());
  while (area != nullptr && area->start < end) {
    const Area* const next = area->next;
    const bool is_part = is_of_call(*area) && Segment::of(area->backing) == segment;
    if (is_part && !each(*area)) return;
    area = next;
  }
}

async::Task<Result<int>> detach_in_turn(Thread& self, std::uintptr_t address) {
  memory::AddressSpace& space = self.space();
  const auto change = space.join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn || async::is_cancelled()) co_return fail(Errno::eintr);
  constexpr unsigned in_step = 64;  // a program can split a mapping into very many areas
  bool has_any = false;
  for (unsigned areas = 1;; ++areas) {
    std::uintptr_t start = 0, end = 0;
    for_each_area(space, address, [&](const Area& area) {
      start = area.start;
      end = area.end;
      return false;
    });
    if (end == 0) co_return has_any ? Result<int>{0} : fail(Errno::einval);
    has_any = true;
    if (space.takes_steps(start, end - start)) co_await discard_memory(self, space, start, end);
    {
      const memory::TrackedObject::ActsFor actor{self.process().id()};
      if (auto unmapped = space.unmap(start, end - start); !unmapped)
        co_return fail(unmapped.error());
    }
    if (areas % in_step != 0) continue;
    co_await cond_resched(self);
    if (async::is_cancelled()) co_return 0;
  }
}

Result<int> write_segment_limits(Thread& self, std::uintptr_t to) {
  const abi::SharedMemoryLimits limits{.most_bytes = ipc::most_segment_bytes,
                                       .least_bytes = 1,
                                       .most_segments = ipc::most_segments,
                                       .most_attachments = ipc::most_segments,
                                       .most_pages = ipc::most_segment_pages,
                                       .unused = {}};
  return write_status(self, to, limits, Segment::all().highest_place());
}

Result<int> write_segment_use(Thread& self, std::uintptr_t to) {
  const abi::SharedMemoryUse use{.segments = static_cast<std::int32_t>(Segment::all().size()),
                                 .pages = Segment::pages_of_all(),
                                 .resident = Segment::resident_of_all(),
                                 .swapped = 0,
                                 .swap_attempts = 0,
                                 .swap_successes = 0};
  return write_status(self, to, use, Segment::all().highest_place());
}

/// SHM_LOCK and SHM_UNLOCK. Pages never leave memory, so they only set and clear a flag.
Result<int> lock_segment(Thread& self, int number, bool locks) {
  const auto segment = ipc::find<Segment>(number);
  if (!segment) return fail(segment.error());
  const bool may_lock = self.process().has(Capability::ipc_lock) ||
                        self.process().limits()[abi::rlimit_memlock].soft != 0;
  if (locks && !may_lock) return fail(Errno::eperm);
  if (locks) {
    (*segment)->set_mode_bits(abi::shm_locked);
  } else {
    (*segment)->clear_mode_bits(abi::shm_locked);
  }
  return 0;
}

}  // namespace

/// flags: IPC_CREAT, IPC_EXCL, SHM_NORESERVE; SHM_HUGETLB fails with EINVAL, others have no effect
/// linux: Segments count in the quota of files in /tmp. An access beyond the quota ends the program
///   with SIGBUS.
Result<int> shmget(Thread& self, std::int32_t key, std::uint64_t bytes, int flags) {
  return Segment::get(caller_of(self), key, bytes, flags);
}

/// flags: SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC; others have no effect
/// linux: Without an MMU the call fails with EINVAL.
trap::Answer<Result<std::uintptr_t>> shmat(Thread& self, int number, std::uintptr_t address,
                                           int flags) {
  if (!hal::translates_addresses) return fail(Errno::einval);
  Attaching wanted{.number = number, .address = address, .flags = flags};
  if (auto placed = place_attaching(wanted); !placed) return fail(placed.error());
  auto request = request_for(self, wanted);
  if (!request) return fail(request.error());
  const bool replaces = request->place == MapRequest::Place::exactly &&
                        self.space().takes_steps(request->address, request->bytes);
  if (replaces || self.space().is_changing())
    return self.wait([&] { return attach_in_turn(self, wanted); });
  return map_segment(self, std::move(*request));
}

/// linux: none known
async::Task<Result<int>> shmdt(Thread& self, std::uintptr_t address) {
  if (!hal::page_aligned(address)) co_return fail(Errno::einval);
  co_return co_await detach_in_turn(self, address);
}

/// flags: the commands IPC_STAT, IPC_SET, IPC_RMID, IPC_INFO, SHM_STAT, SHM_STAT_ANY, SHM_INFO,
///   SHM_LOCK, SHM_UNLOCK; EINVAL for others
/// linux: There is one user, the superuser: IPC_SET of another owner fails with EINVAL. A fork, and
///   an munmap of a part, do not change shm_lpid.
Result<int> shmctl(Thread& self, int number, int command, std::uintptr_t argument) {
  if (number < 0 || command < 0) return fail(Errno::einval);
  switch (command) {
    case abi::ipc_info: return write_segment_limits(self, argument);
    case abi::shm_info: return write_segment_use(self, argument);
    case abi::ipc_stat:
    case abi::shm_stat:
    case abi::shm_stat_any:
      return write_object_status<Segment>(self, number, command, abi::shm_stat_any, argument);
    case abi::ipc_set: return set_permissions<Segment>(self, number, argument);
    case abi::ipc_rmid: return remove_object<Segment>(number);
    case abi::shm_lock: return lock_segment(self, number, true);
    case abi::shm_unlock: return lock_segment(self, number, false);
    default: return fail(Errno::einval);
  }
}

}  // namespace sys

KERNEL_CALL(shmget, sys::shmget);
KERNEL_CALL(shmat, sys::shmat);
KERNEL_CALL(shmdt, sys::shmdt);
KERNEL_CALL(shmctl, sys::shmctl);

}  // namespace kernel
