// The locks of files: the commands of fcntl for ranges, and flock.
#include <abi/flags.h>

#include <optional>

#include "files/file_locks.h"
#include "files/node.h"
#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using Kind = FileLocks::Kind;
using Range = FileLocks::Range;

/// The range that a program's structure names. `at` and `end`: the position of the file, and its
/// size. EINVAL, EOVERFLOW: as Linux's flock64_to_posix_lock() (fs/locks.c).
Result<Range> range_of(const abi::Flock& given, std::int64_t at, std::int64_t end) {
  std::int64_t start = given.start;
  switch (given.whence) {
    case abi::seek_set: break;
    case abi::seek_cur:
    case abi::seek_end:
      if (__builtin_add_overflow(start, given.whence == abi::seek_cur ? at : end, &start))
        return fail(Errno::eoverflow);
      break;
    default: return fail(Errno::einval);
  }
  if (start < 0) return fail(Errno::einval);
  std::int64_t last = static_cast<std::int64_t>(FileLocks::to_end);
  if (given.length > 0) {
    if (__builtin_add_overflow(start, given.length - 1, &last)) return fail(Errno::eoverflow);
  } else if (given.length < 0) {
    if (start + given.length < 0) return fail(Errno::einval);
    last = start - 1;
    start += given.length;
  }
  return Range{.owner = nullptr,
               .process = 0,
               .is_exclusive = given.type == abi::f_wrlck,
               .first = static_cast<std::uint64_t>(start),
               .last = static_cast<std::uint64_t>(last)};
}

/// A request for a lock.
struct Wanted {
  Kind kind;
  Range range;
  bool is_of_file;  // the open file owns the lock
};

/// The owner of locks that the caller makes. ENOLCK.
Result<LockOwner*> make_owner(Thread& self, File& file, bool is_of_file) {
  self.process().files().note_locks();
  return is_of_file ? file.make_lock_owner() : self.process().files().make_lock_owner();
}

/// Locks if no other owner forbids that. EAGAIN; ENOLCK.
Result<int> try_lock(FileLocks& locks, const Wanted& wanted) {
  if (locks.conflict(wanted.kind, wanted.range) != nullptr) return fail(Errno::eagain);
  return locks.set(wanted.kind, wanted.range).transform([] { return 0; });
}

/// Waits for a lock. `fd` has `file` when the call begins. EDEADLK: the owners wait for each other.
async::Task<Result<int>> wait_for_lock(Thread& self, int fd, Ref<File> file, Wanted wanted) {
  FileLocks& locks = *file->node()->locks();
  while (const Range* const conflict = locks.conflict(wanted.kind, wanted.range)) {
    std::optional<FileLocks::Blocked> blocked;
    if (!wanted.is_of_file) {
      if (FileLocks::would_deadlock(wanted.range.owner, conflict->owner))
        co_return fail(Errno::edeadlk);
      blocked.emplace(wanted.range.owner, conflict->owner);
    }
    if (co_await locks.changed().wait("file lock") != async::WaitResult::woken)
      co_return fail(Errno::eintr);
  }
  // Another thread may have closed the descriptor, and so ended the locks.
  const bool is_closed = !wanted.is_of_file && self.process().files().find(fd) != file.get();
  if (is_closed) co_return fail(Errno::ebadf);
  co_return try_lock(locks, wanted);
}

/// F_GETLK: writes a description of the lock `found` to the program; F_UNLCK if it is null.
Result<int> write_flock(Thread& self, const Range* found, abi::Flock given,
                        UserPtr<abi::Flock> to) {
  if (found == nullptr) {
    given.type = abi::f_unlck;
  } else {
    const bool has_end = found->last != FileLocks::to_end;
    const std::uint64_t length = has_end ? found->last - found->first + 1 : 0;
    given.type = found->is_exclusive ? abi::f_wrlck : abi::f_rdlck;
    given.whence = abi::seek_set;
    given.start = static_cast<std::int64_t>(found->first);
    given.length = static_cast<std::int64_t>(length);
    given.process = found->process;
  }
  return to.write(self.space(), given).transform([] { return 0; });
}

}  // namespace

trap::Answer<Result<int>> lock_record(Thread& self, int fd, File& file, int command,
                                      UserPtr<abi::Flock> from) {
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  if (file.is_only_path()) return fail(Errno::ebadf);
  const auto given = from.read(self.space());
  if (!given) return fail(given.error());
  const bool is_of_file = command >= abi::f_ofd_getlk && command <= abi::f_ofd_setlkw;
  const bool asks = command == abi::f_getlk || command == abi::f_ofd_getlk;
  if (is_of_file && given->process != 0) return fail(Errno::einval);
  const bool removes = given->type == abi::f_unlck;
  if (!removes && given->type != abi::f_rdlck && given->type != abi::f_wrlck)
    return fail(Errno::einval);
  if (command == abi::f_getlk && removes) return fail(Errno::einval);
  Node* const node = file.node();
  if (node == nullptr) return fail(Errno::enolck);
  const auto at = file.seek(0, abi::seek_cur);
  auto range = range_of(*given, at.value_or(0), static_cast<std::int64_t>(node->size()));
  if (!range) return fail(range.error());
  range->owner = is_of_file ? file.lock_owner() : self.process().files().lock_owner();
  range->process = is_of_file ? -1 : self.process().id();
  FileLocks* const existing = node->locks();
  if (asks) {
    // F_OFD_GETLK with F_UNLCK asks for the caller's own locks.
    const Range* const found = existing == nullptr ? nullptr
                               : removes           ? existing->own(Kind::record, *range)
                                                   : existing->conflict(Kind::record, *range);
    return write_flock(self, found, *given, from);
  }
  if (removes) {
    if (existing == nullptr || range->owner == nullptr) return 0;
    return existing->clear(Kind::record, *range->owner, range->first, range->last).transform([] {
      return 0;
    });
  }
  if (!(given->type == abi::f_rdlck ? file.can_read() : file.can_write()))
    return fail(Errno::ebadf);
  const auto owner = make_owner(self, file, is_of_file);
  if (!owner) return fail(owner.error());
  range->owner = *owner;
  const Wanted wanted{Kind::record, *range, is_of_file};
  const auto locks = node->make_locks();
  if (!locks) return fail(locks.error());
  const bool waits = command == abi::f_setlkw || command == abi::f_ofd_setlkw;
  if (waits && (*locks)->conflict(Kind::record, *range) != nullptr) {
    return self.wait([&] { return wait_for_lock(self, fd, Ref<File>::share(file), wanted); });
  }
  return try_lock(**locks, wanted);
}

/// flags: LOCK_SH, LOCK_EX, LOCK_UN, LOCK_NB; EINVAL for others
/// linux: A lock of a pipe fails with ENOLCK.
trap::Answer<Result<int>> flock(Thread& self, int fd, int operation) {
  const int command = operation & ~abi::lock_nb;
  if (command != abi::lock_sh && command != abi::lock_ex && command != abi::lock_un)
    return fail(Errno::einval);
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (file->node() == nullptr) return fail(Errno::enolck);
  const auto locks = file->node()->make_locks();
  if (!locks) return fail(locks.error());
  const auto owner = make_owner(self, *file, true);
  if (!owner) return fail(owner.error());
  const Range range{.owner = *owner,
                    .process = -1,
                    .is_exclusive = command == abi::lock_ex,
                    .first = 0,
                    .last = FileLocks::to_end};
  const Range* const own = (*locks)->own(Kind::whole, range);
  const bool has_it = own != nullptr && own->is_exclusive == range.is_exclusive;
  if (has_it && command != abi::lock_un) return 0;
  // A lock of the other kind ends first, as in Linux.
  if (own != nullptr) (void)(*locks)->clear(Kind::whole, **owner, 0, FileLocks::to_end);
  if (command == abi::lock_un) return 0;
  const Wanted wanted{Kind::whole, range, true};
  if ((operation & abi::lock_nb) == 0 && (*locks)->conflict(Kind::whole, range) != nullptr) {
    return self.wait([&] { return wait_for_lock(self, fd, Ref<File>::share(*file), wanted); });
  }
  return try_lock(**locks, wanted);
}

}  // namespace sys

KERNEL_CALL(flock, sys::flock);

}  // namespace kernel
