#include <abi/flags.h>
#include <hal/machine/translation.h>

#include <optional>
#include <type_traits>

#include "memory/shared_pages.h"
#include "process/steps.h"
#include "process/vdso.h"
#include "syscalls/calls.h"
#include "syscalls/outside.h"
#include "syscalls/paths.h"

namespace kernel::sys {
namespace {

using memory::Backing;
using memory::MapRequest;

constexpr int all_rights = abi::prot_read | abi::prot_write | abi::prot_exec;

/// PROT_* and hal::Access have the same values.
Result<hal::Access> access_of(int rights) {
  if ((rights & ~all_rights) != 0) return fail(Errno::einval);
  return static_cast<hal::Access>(rights);
}

/// The pages of a writable file. Without translation a page can have one address only: ENODEV.
/// `writes`: a program may write to the file there. EPERM: its seals forbid that.
Result<Backing> backing_of_file(File& file, Ref<memory::TrackedObject> mapping,
                                std::size_t first_page, bool shared, bool writes) {
  if (!hal::translates_addresses) return fail(Errno::enodev);
  const unsigned seals = file.seals().value_or(0);
  const bool is_sealed = (seals & (abi::f_seal_write | abi::f_seal_future_write)) != 0;
  if (writes && is_sealed) return fail(Errno::eperm);
  auto backing = Backing::of_tracked(shared ? Backing::Kind::shared : Backing::Kind::copies,
                                     std::move(mapping), first_page);
  backing.is_read_only = shared && (!file.can_write() || is_sealed);
  return backing;
}

/// The contents of the file `fd`, `length` bytes from `offset` on.
[[gnu::noinline]] Result<Backing> backing_of_descriptor(Thread& self, std::size_t length,
                                                        int rights, bool shared, int fd,
                                                        std::int64_t offset) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  constexpr auto longest = static_cast<std::uint64_t>(INT64_MAX);  // of any file
  const auto start = static_cast<std::uint64_t>(offset);
  if (start > hal::page_down(longest - hal::page_up(length))) return fail(Errno::eoverflow);
  const bool writes = shared && (rights & abi::prot_write) != 0;
  if (!file->can_read() || (writes && !file->can_write())) return fail(Errno::eacces);
  const auto bytes = file->bytes();
  if (!bytes) {
    const std::size_t first_page = static_cast<std::size_t>(offset) / hal::page_size;
    if (file->waits_for_device() && shared) {
      if (auto fresh = refresh(*file); !fresh) return fail(fresh.error());
    }
    auto mapping = shared || !file->waits_for_device() ? file->mapping() : fail(Errno::enodev);
    if (mapping) {
      if (auto may = (*mapping)->may_map(first_page); !may) return fail(may.error());
      return backing_of_file(*file, std::move(*mapping), first_page, shared, writes);
    }
    if (mapping.error() != Errno::enodev) return fail(mapping.error());
    // There is no page cache for disks, so two mappings could not share pages.
    if (shared) return fail(bytes.error());
    if (auto fresh = refresh(*file); !fresh) return fail(fresh.error());
    auto pages = file->pages();
    if (!pages) return fail(pages.error());
    return Backing::of_source(std::move(*pages), first_page);
  }
  auto backing = Backing::of_file(bytes->subspan(std::min<std::size_t>(offset, bytes->size())));
  backing.is_read_only = shared && !file->can_write();
  return backing;
}

/// The initial contents of new pages: zeros, zeros shared with child processes, or a file. Without
/// translation no child process has them, so they are private.
Result<Backing> backing_of(Thread& self, std::size_t length, int rights, int flags, int fd,
                           std::int64_t offset) {
  const bool shared = (flags & abi::map_type) == abi::map_shared;
  if ((flags & abi::map_anonymous) != 0) {
    if (!shared || !hal::translates_addresses) return Backing{};
    const std::size_t pages = hal::page_up(length) / hal::page_size;
    if (pages > memory::SharedPages::most || !memory::can_allocate(sizeof(memory::SharedPages)))
      return fail(Errno::enomem);
    return Backing::of_shared(make_ref<memory::SharedPages>(pages));
  }
  return backing_of_descriptor(self, length, rights, shared, fd, offset);
}

std::uint64_t most_mapped_bytes(Thread& self) {
  return self.process().limits()[abi::rlimit_as].soft;
}

/// Whether `bytes` more of private memory that the program may write exceed RLIMIT_DATA.
[[gnu::cold, gnu::noinline]] bool exceeds_data(Thread& self, std::size_t bytes) {
  const std::uint64_t limit = self.process().limits()[abi::rlimit_data].soft;
  if (limit == abi::unlimited) return false;
  std::uint64_t used = hal::page_up(bytes);
  const auto& areas = self.space().areas();
  for (const memory::Area* area = areas.first(); area != nullptr; area = area->next) {
    const bool is_stack = area->end == self.space().stack_top() - vdso::bytes;
    if (allows(area->access, hal::Access::write) && !area->backing.is_shared() && !is_stack)
      used += area->bytes();
  }
  return used > limit;
}

MapRequest::Place place_of(int flags) {
  if ((flags & abi::map_fixed_noreplace) != 0) return MapRequest::Place::if_free;
  if ((flags & abi::map_fixed) != 0) return MapRequest::Place::exactly;
  return MapRequest::Place::anywhere;
}

/// The error of mmap for a wrong offset, length or type. Linux looks for the file before length
/// and type.
[[gnu::noinline, gnu::cold]] Errno map_error(Thread& self, std::size_t length, int flags, int fd,
                                             std::int64_t offset) {
  if (!hal::page_aligned(static_cast<std::uintptr_t>(offset))) return Errno::einval;
  const bool has_file = (flags & abi::map_anonymous) == 0;
  if (has_file && self.process().files().find_open(fd) == nullptr) return Errno::ebadf;
  return length > hal::user_end ? Errno::enomem : Errno::einval;
}

/// backing_of(), after the checks of mmap's arguments.
[[gnu::always_inline]] inline Result<Backing> checked_backing(Thread& self, std::size_t length,
                                                              int rights, int flags, int fd,
                                                              std::int64_t offset) {
  const int type = flags & abi::map_type;
  if (length == 0 || length > hal::user_end ||
      !hal::page_aligned(static_cast<std::uintptr_t>(offset)) ||
      (type != abi::map_private && type != abi::map_shared)) [[unlikely]] {
    return fail(map_error(self, length, flags, fd, offset));
  }
  return backing_of(self, length, rights, flags, fd, offset);
}

[[gnu::always_inline]] inline MapRequest request_of(Thread& self, std::uintptr_t address,
                                                    std::size_t length, int rights, int flags,
                                                    Backing&& backing) {
  return {.address = address,
          .bytes = length,
          .access = *access_of(rights & all_rights),
          .place = place_of(flags),
          .backing = std::move(backing),
          .most_bytes = most_mapped_bytes(self)};
}

[[gnu::always_inline]] inline Result<std::uintptr_t> map(Thread& self, std::uintptr_t address,
                                                         std::size_t length, int rights, int flags,
                                                         int fd, std::int64_t offset) {
  auto backing = checked_backing(self, length, rights, flags, fd, offset);
  if (!backing) return fail(backing.error());
  if (!self.process().limits().are_usual() && (rights & abi::prot_write) != 0 &&
      !backing->is_shared() && exceeds_data(self, length)) [[unlikely]]
    return fail(Errno::enomem);
  return self.space().map(request_of(self, address, length, rights, flags, std::move(*backing)));
}

/// MAP_POPULATE for [start, end). Errors are not reported. Returns false if a page cannot be made,
/// and the caller stops.
bool make_pages(memory::AddressSpace& space, std::uintptr_t start, std::uintptr_t end, int rights) {
  const auto wanted = (rights & abi::prot_write) != 0 ? hal::Access::write : hal::Access::read;
  for (std::uintptr_t page = start; page < end; page += hal::page_size) {
    if (!space.fault(page, wanted)) return false;
  }
  return true;
}

/// Whether a change of [address, address + length) takes more than one step, or has to wait for
/// another job's turn.
[[gnu::always_inline]] inline bool takes_turn(Thread& self, std::uintptr_t address,
                                              std::size_t length) {
  return self.space().is_changing() || self.space().takes_steps(address, length);
}

/// brk() in steps, or after the turns of others.
async::Task<std::uintptr_t> move_break(Thread& self, std::uintptr_t end) {
  const auto change = self.space().join_change();
  const auto turn = co_await change->wait_for_turn();
  const std::uintptr_t now = self.space().set_break(0);
  if (!turn || async::is_cancelled()) co_return now;
  if (self.space().shrinks_heap(end))
    co_await discard_memory(self, self.space(), hal::page_up(end), now);
  co_return self.space().set_break(end, most_mapped_bytes(self));
}

/// Whether MAP_FIXED replaces more than one step's pages.
bool replaces_in_steps(Thread& self, std::uintptr_t address, std::size_t length, int flags) {
  return place_of(flags) == MapRequest::Place::exactly && self.space().takes_steps(address, length);
}

/// map() in a turn of its own. If it replaces more than one step's pages, it first drops them, in
/// steps.
async::Task<Result<std::uintptr_t>> map_in_turn(Thread& self, std::uintptr_t address,
                                                std::size_t length, int rights, int flags, int fd,
                                                std::int64_t offset) {
  const auto change = self.space().join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn || async::is_cancelled()) co_return fail(Errno::eintr);
  auto backing = checked_backing(self, length, rights, flags, fd, offset);
  if (!backing) co_return fail(backing.error());
  auto request = request_of(self, address, length, rights, flags, std::move(*backing));
  if (auto possible = self.space().may_map(request); !possible) co_return fail(possible.error());
  if (replaces_in_steps(self, address, length, flags)) {
    const std::uintptr_t end = address + hal::page_up(length);
    memory::AreaChange::Range range{*change, address};
    range.grow_to(end);
    co_await discard_memory(self, self.space(), address, end);
  }
  co_return self.space().map(std::move(request));
}

/// MAP_POPULATE of more than one step's bytes, replaces_in_steps(), and every call that has to wait
/// for the turns of others.
async::Task<Result<std::uintptr_t>> map_in_steps(Thread& self, std::uintptr_t address,
                                                 std::size_t length, int rights, int flags, int fd,
                                                 std::int64_t offset) {
  const auto start = co_await map_in_turn(self, address, length, rights, flags, fd, offset);
  if (!start || (flags & abi::map_populate) == 0) co_return start;
  const std::uintptr_t end = *start + length;
  for (std::uintptr_t at = *start;;) {
    const std::uintptr_t next = end - at > step_bytes ? at + step_bytes : end;
    if (!make_pages(self.space(), at, next, rights)) break;
    at = next;
    if (at == end || async::is_cancelled()) break;
    co_await cond_resched(self);
  }
  co_return start;
}

/// mmap with MAP_POPULATE or MAP_FIXED, or during another job's turn.
[[gnu::noinline]] trap::Answer<Result<std::uintptr_t>> map_specially(Thread& self,
                                                                     std::uintptr_t address,
                                                                     std::size_t length, int rights,
                                                                     int flags, int fd,
                                                                     std::int64_t offset) {
  const bool populate = (flags & abi::map_populate) != 0;
  if ((populate && length > step_bytes) || self.space().is_changing() ||
      replaces_in_steps(self, address, length, flags)) {
    return self.wait(
        [&] { return map_in_steps(self, address, length, rights, flags, fd, offset); });
  }
  const auto start = map(self, address, length, rights, flags, fd, offset);
  if (start && populate) (void)make_pages(self.space(), *start, *start + length, rights);
  return start;
}

async::Task<Result<>> unmap_in_steps(Thread& self, std::uintptr_t address, std::size_t length) {
  const auto change = self.space().join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn || async::is_cancelled()) co_return fail(Errno::eintr);
  if (!self.space().takes_steps(address, length)) co_return self.space().unmap(address, length);
  const std::uintptr_t end = address + hal::page_up(length);
  for (std::uintptr_t at = address;;) {
    const std::uintptr_t next = self.space().end_of_step(at, end);
    if (auto unmapped = self.space().unmap(at, next - at); !unmapped) co_return unmapped;
    if (next == end) co_return Result<>{};
    at = next;
    co_await cond_resched(self);
    if (async::is_cancelled()) co_return Result<>{};
  }
}

async::Task<Result<>> protect_in_steps(Thread& self, std::uintptr_t address, std::size_t length,
                                       hal::Access access) {
  const auto change = self.space().join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn || async::is_cancelled()) co_return fail(Errno::eintr);
  if (!self.space().takes_steps(address, length))
    co_return self.space().protect(address, length, access);
  const std::uintptr_t end = address + hal::page_up(length);
  for (std::uintptr_t at = address;;) {
    const std::uintptr_t next = self.space().end_of_step(at, end);
    if (auto made = self.space().protect(at, next - at, access); !made) co_return made;
    if (next == end) co_return Result<>{};
    at = next;
    co_await cond_resched(self);
    if (async::is_cancelled()) co_return Result<>{};
  }
}

/// MADV_DONTNEED in steps, or after the turns of others.
async::Task<Result<>> discard_in_steps(Thread& self, std::uintptr_t address, std::size_t length) {
  const auto change = self.space().join_change();
  const auto turn = co_await change->wait_for_turn();
  if (!turn || async::is_cancelled()) co_return fail(Errno::eintr);
  if (self.space().takes_steps(address, length))
    co_await discard_memory(self, self.space(), address, address + hal::page_up(length));
  co_return self.space().discard(address, length);
}

}  // namespace

trap::Answer<std::uintptr_t> brk(Thread& self, std::uintptr_t end) {
  if (self.space().is_changing() || (!self.space().is_small() && self.space().shrinks_heap(end))) {
    return self.wait([&] { return move_break(self, end); });
  }
  if (!self.process().limits().are_usual()) [[unlikely]] {
    const std::uintptr_t before = self.space().set_break(0);
    if (end > before && exceeds_data(self, end - before)) return before;
  }
  const std::uintptr_t now = self.space().set_break(end, most_mapped_bytes(self));
  // There may be free memory on other harts.
  if (now < end && async::Strand::is_shared()) return fail(Errno::would_block);
  return now;
}

trap::Answer<Result<std::uintptr_t>> mmap(Thread& self, std::uintptr_t address, std::size_t length,
                                          int rights, int flags, int fd, std::int64_t offset) {
  constexpr int special = abi::map_populate | abi::map_fixed;
  if ((flags & special) != 0 || self.space().is_changing()) [[unlikely]]
    return map_specially(self, address, length, rights, flags, fd, offset);
  return map(self, address, length, rights, flags, fd, offset);
}

trap::Answer<Result<>> munmap(Thread& self, std::uintptr_t address, std::size_t length) {
  if (takes_turn(self, address, length)) {
    return self.wait([&] { return unmap_in_steps(self, address, length); });
  }
  return self.space().unmap(address, length);
}

trap::Answer<Result<>> mprotect(Thread& self, std::uintptr_t address, std::size_t length,
                                int rights) {
  if (length == 0) {
    if (!hal::page_aligned(address)) return fail(Errno::einval);
    return Result<>{};
  }
  const auto access = access_of(rights & ~abi::prot_sem);
  if (!access) return fail(access.error());
  if (takes_turn(self, address, length)) {
    return self.wait([&] { return protect_in_steps(self, address, length, *access); });
  }
  return self.space().protect(address, length, *access);
}

trap::Answer<Result<>> madvise(Thread& self, std::uintptr_t address, std::size_t length,
                               int advice) {
  constexpr int last_plain_advice = 25;
  constexpr int first_unknown = 5, last_unknown = 7;
  const std::uintptr_t end = address + hal::page_up(length);
  if (advice < 0 || advice > last_plain_advice ||
      (advice >= first_unknown && advice <= last_unknown) || !hal::page_aligned(address) ||
      end < address) {
    return fail(Errno::einval);
  }
  if (length == 0) return Result<>{};
  if (advice == abi::madv_dontneed) {
    if (takes_turn(self, address, length)) {
      return self.wait([&] { return discard_in_steps(self, address, length); });
    }
    return self.space().discard(address, length);
  }
  if (!self.space().is_mapped(address, end)) return fail(Errno::enomem);
  return Result<>{};
}

Result<> riscv_flush_icache(Thread& self, std::uintptr_t, std::uintptr_t, std::uint64_t) {
  self.space().synchronize_code();
  return {};
}

// ── While the hart shares the strand ─────────────────────────────────────────────────────────────

namespace {

/// Whether a caller that shares the strand may change [address, address + length). The range
/// must be private memory without instructions, and small enough for one step. If other threads use
/// the space, it has at most 64 pages.
bool may_change(Thread& self, std::uintptr_t address, std::size_t length) {
  if (length > hal::user_end || address > hal::user_end) return false;
  const std::size_t bytes = hal::page_up(length);
  if (!self.owns_space() && bytes > AddressSpace::most_bytes_sharing) return false;
  return !self.space().takes_steps(address, length) && self.space().is_plain(address, bytes);
}

bool may_back(Thread& self, int rights, int flags, int fd) {
  constexpr int simple = abi::map_type | abi::map_anonymous | abi::map_noreserve | abi::map_stack |
                         abi::map_fixed | abi::map_fixed_noreplace;
  if ((flags & ~simple) != 0 || (flags & abi::map_type) != abi::map_private) return false;
  if ((rights & abi::prot_exec) != 0) return false;
  if ((flags & abi::map_anonymous) != 0) return true;
  File* const file = self.process().files().find_open(fd);
  return file != nullptr && file->bytes();
}

}  // namespace

bool outside::may_move_break(Thread& self, std::uintptr_t end) {
  return !self.space().shrinks_heap(end);
}

bool outside::may_map(Thread& self, std::uintptr_t address, std::size_t length, int rights,
                      int flags, int fd, std::int64_t) {
  if ((flags & abi::map_fixed) != 0 && !may_change(self, address, length)) return false;
  // Without translation the call clears the whole area.
  if (!hal::translates_addresses && length > AddressSpace::most_bytes_sharing) return false;
  return may_back(self, rights, flags, fd);
}

bool outside::may_unmap(Thread& self, std::uintptr_t address, std::size_t length) {
  return may_change(self, address, length);
}

bool outside::may_protect(Thread& self, std::uintptr_t address, std::size_t length, int rights) {
  return (rights & abi::prot_exec) == 0 && may_change(self, address, length);
}

bool outside::may_advise(Thread& self, std::uintptr_t address, std::size_t length, int) {
  return may_change(self, address, length);
}

namespace outside {

[[gnu::noinline]] std::byte* walk(Thread& self, std::uintptr_t address, hal::Access wanted) {
  const async::Strand::Telling told;
  return self.space().walk_sharing(address, wanted, self.owns_space());
}

// Here, so that they contain the functions above.
template struct Changing<brk, may_move_break>;
template struct Changing<mmap, may_map>;
template struct Changing<munmap, may_unmap>;
template struct Changing<mprotect, may_protect>;
template struct Changing<madvise, may_advise>;

}  // namespace outside
}  // namespace kernel::sys
