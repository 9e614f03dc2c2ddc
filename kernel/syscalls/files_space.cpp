// The space of files: truncate, fallocate, advice about later reads, and writing back.

#include <abi/flags.h>

#include <algorithm>

#include "devices/block_device.h"
#include "files/inotify.h"
#include "files/regular_file.h"
#include "files/share.h"
#include "files/size_limit.h"
#include "process/steps.h"
#include "syscalls/files.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

unsigned type_of(File& file) {
  return file.node() != nullptr ? file.node()->type() : abi::s_ififo;
}

/// fallocate() of the pages of [offset, end). The size grows with the last one.
async::Task<Result<>> allocate_in_steps(Thread& self, Ref<File> file, std::uint64_t offset,
                                        std::uint64_t end, int mode) {
  for (std::uint64_t at = offset; at < end;) {
    const std::uint64_t next = std::min(end, at + step_bytes);
    const int step_mode = next == end ? mode : mode | abi::falloc_keep_size;
    if (auto made = file->allocate(at, next - at, step_mode); !made) co_return made;
    at = next;
    if (at == end) break;
    co_await cond_resched(self);
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
  co_return Result<>{};
}

/// The error of fallocate() for these arguments, in Linux's order (vfs_fallocate(), fs/open.c).
Result<> check_allocation(File& file, int mode, std::int64_t offset, std::int64_t length) {
  if (offset < 0 || length <= 0) return fail(Errno::einval);
  constexpr int known = abi::falloc_keep_size | abi::falloc_punch_hole;
  const bool punches = (mode & abi::falloc_punch_hole) != 0;
  if ((mode & ~known) != 0 || (punches && mode != known)) return fail(Errno::enotsup);
  if (!file.can_write()) return fail(Errno::ebadf);
  switch (type_of(file)) {
    case abi::s_ififo: return fail(Errno::espipe);
    case abi::s_ifdir: return fail(Errno::eisdir);
    case abi::s_ifreg:
    case abi::s_ifblk: break;
    default: return fail(Errno::enodev);
  }
  if (offset > static_cast<std::int64_t>(MemoryFile::longest) - length && !punches)
    return fail(Errno::efbig);
  return {};
}

async::Task<Result<>> flush_all() {
  (void)co_await write_shares_back();
  for (const auto& disk : disks()) (void)co_await disk->flush();
  co_return Result<>{};
}

}  // namespace

/// linux: As `ftruncate`. A file outside /tmp, /dev/shm and folders of the host fails with EROFS.
Result<> truncate(Thread& self, UserPtr<const char> path, std::int64_t size) {
  if (size < 0) return fail(Errno::einval);
  const auto node = find_node(self, abi::at_fdcwd, path, LastLink::follow);
  if (!node) return fail(node.error());
  if ((*node)->as_directory() != nullptr) return fail(Errno::eisdir);
  if ((*node)->type() != abi::s_ifreg) return fail(Errno::einval);
  if (!(*node)->is_writable()) return fail(Errno::erofs);
  if ((*node)->is_remote()) [[unlikely]] {
    return self.wait([&] {
      return (*node)->remote()->set_attributes({.size = static_cast<std::uint64_t>(size)});
    });
  }
  auto resized = (*node)->resize(static_cast<std::uint64_t>(size));
  if (!resized) return resized;
  (*node)->note_modification();
  note_event(**node, abi::in_modify);
  return {};
}

/// flags: FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE; EOPNOTSUPP for others
/// linux: Only a file in /tmp has space to allocate; a disk fails with EOPNOTSUPP. After ENOSPC the
///   pages that the call has allocated stay.
trap::Answer<Result<>> fallocate(Thread& self, int fd, int mode, std::int64_t offset,
                                 std::int64_t length) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (auto checked = check_allocation(*file, mode, offset, length); !checked) return checked;
  const auto start = static_cast<std::uint64_t>(offset);
  const auto bytes = static_cast<std::uint64_t>(length);
  if (bytes <= step_bytes || (mode & abi::falloc_punch_hole) != 0)
    return file->allocate(start, bytes, mode);
  const auto size = static_cast<std::uint64_t>(file->status().size);
  if (auto allowed = size_limit::check(size, start + bytes); !allowed) return allowed;
  return self.wait(
      [&] { return allocate_in_steps(self, Ref<File>::share(*file), start, start + bytes, mode); });
}

/// flags: the advice 0 to 5; EINVAL for others
/// linux: The kernel reads nothing ahead, so the call only checks its arguments.
Result<> fadvise64(Thread& self, int fd, std::int64_t, std::int64_t length, int advice) {
  constexpr int last_advice = 5;  // POSIX_FADV_NOREUSE
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (type_of(*file) == abi::s_ififo) return fail(Errno::espipe);
  if (length < 0 || advice < 0 || advice > last_advice) return fail(Errno::einval);
  return {};
}

/// linux: As `fadvise64`.
Result<> readahead(Thread& self, int fd, std::int64_t, std::size_t) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr || !file->can_read()) return fail(Errno::ebadf);
  const unsigned type = type_of(*file);
  return type == abi::s_ifreg || type == abi::s_ifblk ? Result<>{} : fail(Errno::einval);
}

/// linux: none known
trap::Answer<Result<>> sync(Thread& self) {
  return self.wait([] { return flush_all(); });
}

/// linux: In folders of the host the call is as `sync`. Other file systems have nothing to write
///   back.
trap::Answer<Result<>> syncfs(Thread& self, int fd) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (file->node() == nullptr || !file->node()->is_remote()) return Result<>{};
  return self.wait([] { return write_shares_back(); });
}

/// flags: SYNC_FILE_RANGE_WAIT_BEFORE, SYNC_FILE_RANGE_WRITE, SYNC_FILE_RANGE_WAIT_AFTER;
///   EINVAL for others
/// linux: Written bytes are on the disk's device at once, so the call only checks its arguments.
Result<> sync_file_range(Thread& self, int fd, std::int64_t offset, std::int64_t bytes,
                         unsigned flags) {
  constexpr unsigned known = 7;
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  std::int64_t end;
  if ((flags & ~known) != 0 || offset < 0 || __builtin_add_overflow(offset, bytes, &end) ||
      end < offset)
    return fail(Errno::einval);
  const unsigned type = type_of(*file);
  const bool has_places = type == abi::s_ifreg || type == abi::s_ifblk || type == abi::s_ifdir;
  return has_places ? Result<>{} : fail(Errno::espipe);
}

}  // namespace sys

KERNEL_CALL(truncate, sys::truncate);
KERNEL_CALL(fallocate, sys::fallocate);
KERNEL_CALL(fadvise64, sys::fadvise64);
KERNEL_CALL(readahead, sys::readahead);
KERNEL_CALL(sync, sys::sync);
KERNEL_CALL(syncfs, sys::syncfs);
KERNEL_CALL(sync_file_range, sys::sync_file_range);

}  // namespace kernel
