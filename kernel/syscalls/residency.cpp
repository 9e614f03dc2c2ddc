// Which pages are in memory: mlock and its relatives, mincore and msync.
//
// The kernel never takes a page from a program that lives, except by the program's own calls. So
// locked pages need no mark: the calls only bring pages into memory.

#include <abi/flags.h>

#include <algorithm>
#include <array>

#include "process/page_in.h"
#include "process/steps.h"
#include "syscalls/calls.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

/// Makes the page at `page` by the strongest access that its area allows. A private page gets its
/// copy now. The errors of AddressSpace::fault().
Result<> touch(memory::AddressSpace& space, std::uintptr_t page) {
  Result<> made;
  for (const auto access : {hal::Access::write, hal::Access::read, hal::Access::execute}) {
    made = space.fault(page, access);
    if (made || made.error() != Errno::eacces) break;
  }
  return made;
}

/// Brings the pages of [start, end), which are mapped, into memory. ENOMEM: a page cannot be
/// accessed; EAGAIN: there is no memory.
async::Task<Result<>> touch_in_steps(Thread& self, std::uintptr_t start, std::uintptr_t end) {
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  for (std::uintptr_t page = start; page < end;) {
    auto made = touch(*space, page);
    if (blocks(made)) made = co_await with_page_ins(self, [&] { return touch(*space, page); });
    if (async::is_cancelled()) co_return fail(Errno::eintr);
    if (!made) co_return fail(made.error() == Errno::enomem ? Errno::eagain : Errno::enomem);
    if ((page += hal::page_size) % step_bytes == 0) co_await cond_resched(self);
  }
  co_return Result<>{};
}

/// The range of mlock() and munlock(): all pages that have a byte of [address, address + length).
struct Pages {
  std::uintptr_t start, end;
};
/// EINVAL: the range wraps around; ENOMEM: a page is not mapped.
Result<Pages> mapped_pages(Thread& self, std::uintptr_t address, std::size_t length) {
  const std::uintptr_t start = hal::page_down(address);
  const std::uintptr_t end = start + hal::page_up(length + address % hal::page_size);
  if (end < start) return fail(Errno::einval);
  if (!self.space().is_mapped(start, end)) return fail(Errno::enomem);
  return Pages{start, end};
}

/// Whether the caller may lock `bytes`, a multiple of the page size. EPERM, ENOMEM.
Result<> check_limit(Thread& self, std::size_t bytes) {
  if (self.process().has(Capability::ipc_lock)) return {};
  const std::uint64_t limit = self.process().limits()[abi::rlimit_memlock].soft;
  if (limit == 0) return fail(Errno::eperm);
  return bytes <= limit ? Result<>{} : fail(Errno::enomem);
}

trap::Answer<Result<>> lock(Thread& self, std::uintptr_t address, std::size_t length,
                            bool touches) {
  const std::size_t bytes = hal::page_up(length + address % hal::page_size);
  if (auto allowed = check_limit(self, bytes); !allowed) return allowed;
  const auto pages = mapped_pages(self, address, length);
  if (!pages) return fail(pages.error());
  if (!touches || pages->start == pages->end) return Result<>{};
  return self.wait([&] { return touch_in_steps(self, pages->start, pages->end); });
}

/// mincore() for `count` pages.
Result<> find_in_memory(Thread& self, std::uintptr_t start, std::size_t count, std::uintptr_t to) {
  std::array<std::uint8_t, 256> found;
  while (count != 0) {
    const std::size_t some = std::min(count, found.size());
    if (!self.space().is_mapped(start, start + some * hal::page_size)) return fail(Errno::enomem);
    const auto part = std::span{found}.first(some);
    self.space().find_in_memory(start, part);
    if (auto written = UserSpan<std::uint8_t>{to, some}.write(self.space(), part); !written)
      return written;
    start += some * hal::page_size;
    to += some;
    count -= some;
  }
  return {};
}

async::Task<Result<>> find_in_steps(Thread& self, std::uintptr_t start, std::size_t count,
                                    std::uintptr_t to) {
  constexpr std::size_t step_pages = 1024;
  while (count != 0) {
    const std::size_t some = std::min(count, step_pages);
    const auto found =
        co_await with_page_ins(self, [&] { return find_in_memory(self, start, some, to); });
    if (!found) co_return found;
    start += some * hal::page_size;
    to += some;
    count -= some;
    co_await cond_resched(self);
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
  co_return Result<>{};
}

/// mlockall(MCL_CURRENT). Pages that cannot be accessed are no error.
async::Task<Result<>> touch_all(Thread& self) {
  std::uintptr_t at = 0;
  while (const memory::Area* const area = self.space().areas().first_after(at)) {
    const std::uintptr_t start = std::max(at, area->start);
    at = area->end;
    const auto touched = co_await touch_in_steps(self, start, at);
    if (!touched && touched.error() != Errno::enomem) co_return touched;
  }
  co_return Result<>{};
}

}  // namespace

/// linux: The kernel takes no page from a program, so the call only brings the pages into memory.
///   RLIMIT_MEMLOCK limits the bytes of each call.
trap::Answer<Result<>> mlock(Thread& self, std::uintptr_t address, std::size_t length) {
  return lock(self, address, length, true);
}

/// flags: MLOCK_ONFAULT; EINVAL for others
/// linux: As `mlock`.
trap::Answer<Result<>> mlock2(Thread& self, std::uintptr_t address, std::size_t length,
                              unsigned flags) {
  if ((flags & ~abi::mlock_onfault) != 0) return fail(Errno::einval);
  return lock(self, address, length, flags == 0);
}

/// linux: The call checks its arguments, and has nothing else to do: see `mlock`.
Result<> munlock(Thread& self, std::uintptr_t address, std::size_t length) {
  const auto pages = mapped_pages(self, address, length);
  return pages ? Result<>{} : fail(pages.error());
}

/// flags: MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT; EINVAL for others
/// linux: As `mlock`. MCL_FUTURE does not bring the pages of later mappings into memory.
trap::Answer<Result<>> mlockall(Thread& self, int flags) {
  constexpr int known = abi::mcl_current | abi::mcl_future | abi::mcl_onfault;
  if (flags == 0 || (flags & ~known) != 0 || flags == abi::mcl_onfault) return fail(Errno::einval);
  const bool locks_now = (flags & abi::mcl_current) != 0;
  if (auto allowed = check_limit(self, locks_now ? self.space().areas().bytes() : 0); !allowed)
    return allowed;
  if (!locks_now || (flags & abi::mcl_onfault) != 0) return Result<>{};
  return self.wait([&] { return touch_all(self); });
}

/// linux: none known
Result<> munlockall(Thread&) {
  return {};
}

/// linux: Pages of a file in the boot archive are always in memory.
trap::Answer<Result<>> mincore(Thread& self, std::uintptr_t address, std::size_t length,
                               std::uintptr_t to) {
  if (!hal::page_aligned(address)) return fail(Errno::einval);
  if (length > hal::user_end || address > hal::user_end - length) return fail(Errno::enomem);
  const std::size_t pages = hal::page_up(length) / hal::page_size;
  if (!UserSpan<std::uint8_t>{to, pages}.in_range()) return fail(Errno::efault);
  if (pages > 1024) return self.wait([&] { return find_in_steps(self, address, pages, to); });
  return find_in_memory(self, address, pages, to);
}

namespace {

/// Writes back what programs have written to the pages of [at, end).
async::Task<Result<>> sync_in_steps(Thread& self, std::uintptr_t at, std::uintptr_t end) {
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  Result<> result;
  while (const memory::Area* const area = space->areas().first_after(at)) {
    if (area->start >= end) break;
    const std::uintptr_t from = std::max(at, area->start), to = std::min(end, area->end);
    at = area->end;
    if (!area->backing.is_shared()) continue;
    const std::size_t first = area->backing.first_page + (from - area->start) / hal::page_size;
    const auto object = Ref<memory::MemoryObject>::share(*area->backing.object);
    auto& pages = static_cast<memory::MappableObject&>(*object);
    const auto written = co_await pages.sync(first, first + (to - from) / hal::page_size);
    if (result && !written) result = written;
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
  co_return result;
}

}  // namespace

/// flags: MS_ASYNC, MS_INVALIDATE, MS_SYNC; EINVAL for others
/// linux: A mapping of a file in memory shows the file's own pages, so there is nothing to write
///   back. With MS_ASYNC the call writes nothing: later calls and the end of the mapping do.
trap::Answer<Result<>> msync(Thread& self, std::uintptr_t address, std::size_t length, int flags) {
  constexpr int known = abi::ms_async | abi::ms_invalidate | abi::ms_sync;
  const bool both = (flags & abi::ms_async) != 0 && (flags & abi::ms_sync) != 0;
  if ((flags & ~known) != 0 || !hal::page_aligned(address) || both) return fail(Errno::einval);
  const std::uintptr_t end = address + hal::page_up(length);
  if (end < address || hal::page_up(length) < length) return fail(Errno::enomem);
  if (!self.space().is_mapped(address, end)) return fail(Errno::enomem);
  if ((flags & abi::ms_sync) == 0 || !self.space().has_shared_areas()) return Result<>{};
  return self.wait([&] { return sync_in_steps(self, address, end); });
}

}  // namespace sys

KERNEL_CALL(mlock, sys::mlock);
KERNEL_CALL(mlock2, sys::mlock2);
KERNEL_CALL(munlock, sys::munlock);
KERNEL_CALL(mlockall, sys::mlockall);
KERNEL_CALL(munlockall, sys::munlockall);
KERNEL_CALL(mincore, sys::mincore);
KERNEL_CALL(msync, sys::msync);

}  // namespace kernel
