// Reading and writing: arguments and results of each call. Waits are in io_loops.cpp.

#include <abi/socket.h>
#include <async/async.h>

#include <algorithm>

#include "files/node.h"
#include "process/steps.h"
#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/io_loops.h"
#include "syscalls/io_parts.h"
#include "syscalls/outside.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"

namespace kernel::sys {
namespace {

using IoAnswer = trap::Answer<Transfer>;
using Parts = UserPtr<const abi::IoVector>;

File* readable_file(Thread& self, int fd) {
  File* const file = self.process().files().find(fd);
  return file != nullptr && file->can_read() ? file : nullptr;
}
File* writable_file(Thread& self, int fd) {
  File* const file = self.process().files().find(fd);
  return file != nullptr && file->can_write() ? file : nullptr;
}

bool is_seekable(File& file) {
  const auto place = file.seek(0, abi::seek_cur);
  return place || place.error() != Errno::espipe;
}

/// The error of a pread64 or pwrite64 that cannot start: EBADF without such a file, ESPIPE for a
/// file without positions, else `otherwise` (Linux 6.12, ksys_pread64() in fs/read_write.c).
[[gnu::noinline, gnu::cold]] Errno refusal_at(Thread& self, int fd, Errno otherwise) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return Errno::ebadf;
  return is_seekable(*file) ? otherwise : Errno::espipe;
}

/// Whether [offset, offset + bytes) ends within the offsets that a file can have.
bool has_valid_end(std::uint64_t offset, std::size_t bytes) {
  return static_cast<std::int64_t>(offset + bytes) >= 0;
}

// This leaves the transfer to a DeviceTransfer or to a coroutine.

[[gnu::noinline]] IoAnswer move_specially(Thread& self, File& file, Direction direction,
                                          const IoBuffer& buffer, FilePlace place = {}) {
  if (file.waits_for_device() && file.socket() == nullptr) {
    return self.wait([&] {
      return DeviceTransfer{self, Ref<File>::share(file), direction, place.offset, buffer};
    });
  }
  const bool waits = !file.is_nonblocking();
  return self.wait([&] { return start_moving(self, file, direction, place, buffer, waits); });
}

// After an attempt of one step that must wait for the file or for a page.

[[gnu::noinline]] IoAnswer wait_to_read(Thread& self, File& file, const IoBuffer& buffer) {
  if (file.waits_for_device() || buffer.needs_page_in()) [[unlikely]]
    return move_specially(self, file, Direction::read, buffer);
  const UserSpan<std::byte> to{buffer.front(), buffer.left()};
  return self.wait([&] { return Reading{self, Ref<File>::share(file), to}; });
}

[[gnu::noinline]] IoAnswer wait_to_write(Thread& self, File& file, const IoBuffer& buffer) {
  if (file.waits_for_device() || buffer.needs_page_in()) [[unlikely]]
    return move_specially(self, file, Direction::write, buffer);
  const UserSpan<const std::byte> from{buffer.front(), buffer.left()};
  return self.wait([&] { return Writing{self, Ref<File>::share(file), from}; });
}

/// Reads into `buffer`. Calls `begin()` for a transfer of several steps, and `wait()` after an
/// attempt that must wait for the file or for a page.
[[gnu::always_inline]] inline IoAnswer read_into(File& file, IoBuffer& buffer, auto begin,
                                                 auto wait) {
  if (buffer.empty()) [[unlikely]]
    return file.move_nothing(Direction::read);
  if (buffer.left() > step_bytes) {
    if (file.signals() == nullptr) return begin();
    // The coroutine of a long read may run in a job of io_uring. That job cannot tell whose signals
    // a signalfd must read, so these reads stay in this step.
    buffer = buffer.first(step_bytes);
  }
  Transfer moved = file.try_read(buffer);
  if (!moved && must_wait(file, buffer, moved)) [[unlikely]]
    return wait();
  return moved;
}

/// Writes all of `buffer`. Calls `begin()` for a transfer that may be partial, and `wait()` after
/// an attempt that must wait for the file or for a page.
[[gnu::always_inline]] inline IoAnswer write_all(Thread& self, File& file, IoBuffer& buffer,
                                                 auto begin, auto wait) {
  if (buffer.empty()) [[unlikely]]
    return file.move_nothing(Direction::write);
  if (buffer.left() > std::min(file.whole_write(), step_bytes)) return begin();
  Transfer moved = file.try_write(buffer);
  if (!moved) [[unlikely]] {
    if (must_wait(file, buffer, moved)) return wait();
    signal_broken_pipe(self, file, moved);
  }
  return moved;
}

/// Reads or writes in a coroutine that reads the list of parts again: another thread may have
/// changed it.
async::Task<Transfer> move_parts(Thread& self, Ref<File> file, Direction direction, Parts list,
                                 int count, FilePlace place, bool waits) {
  IoParts parts;
  const auto read =
      co_await with_page_ins(self, [&] { return parts.read(self.space(), list, count); });
  if (!read) co_return fail(read.error());
  const IoBuffer buffer = parts.buffer(self.space());
  if (buffer.empty()) co_return 0;
  if (place.offset && !has_valid_end(*place.offset, buffer.left())) co_return fail(Errno::einval);
  co_return co_await start_moving(self, *file, direction, place, buffer, waits);
}
[[gnu::noinline]] IoAnswer wait_for_parts(Thread& self, File& file, Direction direction, Parts list,
                                          int count, FilePlace place = {}) {
  const bool waits = !file.is_nonblocking();
  return self.wait([&] {
    return move_parts(self, Ref<File>::share(file), direction, list, count, place, waits);
  });
}

/// preadv() and pwritev(). `file`: null if there is none. `is_end`: a write goes to the file's end
/// (FilePlace).
IoAnswer move_all_at(Thread& self, File* file, Direction direction, Parts list, int count,
                     std::int64_t offset, bool is_end = false) {
  if (offset < 0) return fail(Errno::einval);
  if (file == nullptr) return fail(Errno::ebadf);
  const bool reads = direction == Direction::read;
  if (!is_seekable(*file)) return fail(Errno::espipe);
  if (!(reads ? file->can_read() : file->can_write())) return fail(Errno::ebadf);
  const FilePlace place{.offset = static_cast<std::uint64_t>(offset), .is_end = is_end};
  const auto wait = [&] { return wait_for_parts(self, *file, direction, list, count, place); };
  IoParts parts;
  if (auto read = parts.read(self.space(), list, count); !read)
    return blocks(read) ? wait() : fail(read.error());
  IoBuffer buffer = parts.buffer(self.space());
  if (buffer.empty()) return 0;
  if (!has_valid_end(*place.offset, buffer.left())) return fail(Errno::einval);
  if (is_end || buffer.left() > step_bytes || file->waits_for_device()) return wait();
  const Transfer moved =
      reads ? file->read_at(*place.offset, buffer) : file->write_at(*place.offset, buffer);
  return blocks(moved) ? wait() : moved;
}

async::Task<Result<>> sync(Ref<File> file) {
  co_return co_await file->sync();
}

}  // namespace

template <bool shares>
IoAnswer read(Thread& self, int fd, UserSpan<std::byte> to) {
  outside::SharingIf<shares> sharing;
  File* const file = readable_file(self, fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if constexpr (shares) return read_sharing(self, sharing, *file, to);
  if (!to.in_range()) return fail(Errno::efault);
  IoBuffer buffer{self.space(), to.address(), to.size()};
  return read_into(
      *file, buffer, [&] { return move_specially(self, *file, Direction::read, buffer); },
      [&] { return wait_to_read(self, *file, buffer); });
}

template <bool shares>
IoAnswer write(Thread& self, int fd, UserSpan<const std::byte> from) {
  const outside::SharingIf<shares> sharing;
  File* const file = writable_file(self, fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if constexpr (shares) return move_sharing(self, *file, from);
  if (!from.in_range()) return fail(Errno::efault);
  IoBuffer buffer{self.space(), from.address(), from.size()};
  return write_all(
      self, *file, buffer, [&] { return move_specially(self, *file, Direction::write, buffer); },
      [&] { return wait_to_write(self, *file, buffer); });
}

IoAnswer read_parts(Thread& self, File* file, Parts to, int count) {
  if (file == nullptr || !file->can_read()) return fail(Errno::ebadf);
  const auto wait = [&] { return wait_for_parts(self, *file, Direction::read, to, count); };
  IoParts parts;
  if (auto read = parts.read(self.space(), to, count); !read)
    return blocks(read) ? wait() : fail(read.error());
  IoBuffer buffer = parts.buffer(self.space());
  if (buffer.empty()) return 0;
  return read_into(*file, buffer, wait, wait);
}

IoAnswer write_parts(Thread& self, File* file, Parts from, int count, bool appends) {
  if (file == nullptr || !file->can_write()) return fail(Errno::ebadf);
  const auto wait = [&] {
    return wait_for_parts(self, *file, Direction::write, from, count, {.is_end = appends});
  };
  IoParts parts;
  if (auto read = parts.read(self.space(), from, count); !read)
    return blocks(read) ? wait() : fail(read.error());
  IoBuffer buffer = parts.buffer(self.space());
  if (buffer.empty()) return 0;
  if (appends) return wait();
  return write_all(self, *file, buffer, wait, wait);
}

IoAnswer readv(Thread& self, int fd, Parts to, int count) {
  return read_parts(self, self.process().files().find(fd), to, count);
}

IoAnswer writev(Thread& self, int fd, Parts from, int count) {
  return write_parts(self, self.process().files().find(fd), from, count);
}

template <bool shares>
IoAnswer pread64(Thread& self, int fd, UserSpan<std::byte> to, std::int64_t offset) {
  if (offset < 0) return fail(Errno::einval);
  const outside::SharingIf<shares> sharing;
  File* const file = readable_file(self, fd);
  if (file == nullptr) return fail(refusal_at(self, fd, Errno::ebadf));
  const auto place = static_cast<std::uint64_t>(offset);
  if constexpr (shares) {
    if (!has_valid_end(offset, to.size())) return fail(Errno::would_block);
    return move_sharing(self, *file, to, place);
  }
  if (!to.in_range()) return fail(refusal_at(self, fd, Errno::efault));
  if (!has_valid_end(offset, to.size())) return fail(refusal_at(self, fd, Errno::einval));
  IoBuffer buffer{self.space(), to.address(), to.size()};
  if (buffer.left() <= step_bytes && !file->waits_for_device()) return file->read_at(place, buffer);
  return move_specially(self, *file, Direction::read, buffer, {.offset = place});
}

template <bool shares>
IoAnswer pwrite64(Thread& self, int fd, UserSpan<const std::byte> from, std::int64_t offset) {
  if (offset < 0) return fail(Errno::einval);
  const outside::SharingIf<shares> sharing;
  File* const file = writable_file(self, fd);
  if (file == nullptr) return fail(refusal_at(self, fd, Errno::ebadf));
  const auto place = static_cast<std::uint64_t>(offset);
  if constexpr (shares) {
    if (!has_valid_end(offset, from.size())) return fail(Errno::would_block);
    return move_sharing(self, *file, from, place);
  }
  if (!from.in_range()) return fail(refusal_at(self, fd, Errno::efault));
  if (!has_valid_end(offset, from.size())) return fail(refusal_at(self, fd, Errno::einval));
  IoBuffer buffer{self.space(), from.address(), from.size()};
  if (buffer.left() <= step_bytes && !file->waits_for_device())
    return file->write_at(place, buffer);
  return move_specially(self, *file, Direction::write, buffer, {.offset = place});
}

/// linux: none known
IoAnswer preadv(Thread& self, int fd, Parts to, int count, std::int64_t offset) {
  return move_all_at(self, self.process().files().find_open(fd), Direction::read, to, count,
                     offset);
}

/// linux: As `write`.
IoAnswer pwritev(Thread& self, int fd, Parts from, int count, std::int64_t offset) {
  return move_all_at(self, self.process().files().find_open(fd), Direction::write, from, count,
                     offset);
}

namespace {

// RWF_*
constexpr int high_priority = 1, data_sync = 2, full_sync = 4, no_wait = 8, append = 16,
              no_append = 32;

/// Checks the flags of preadv2 and pwritev2. Those allowed change nothing: transfers are not
/// polled, and each write of a file in memory is complete. `file`: null if there is none.
Result<> check_flags(File* file, int flags, int known) {
  if ((flags & ~known) != 0) return fail(Errno::enotsup);
  if (flags == 0) return {};
  if (file == nullptr) return fail(Errno::ebadf);
  // RWF_NOWAIT: a device, a server or a pipe may block.
  const Node* const node = file->node();
  const bool may_block =
      file->waits_for_device() || node == nullptr || node->type() != abi::s_ifreg;
  return (flags & no_wait) != 0 && may_block ? fail(Errno::enotsup) : Result<>{};
}

}  // namespace

/// flags: RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_NOWAIT, RWF_APPEND, which has no effect; EOPNOTSUPP
///   for others
/// linux: RWF_NOWAIT fails with EOPNOTSUPP for all files but those in memory.
IoAnswer preadv2(Thread& self, int fd, Parts to, int count, std::int64_t offset, std::int64_t,
                 int flags) {
  constexpr int known = high_priority | data_sync | full_sync | no_wait | append;
  File* const file = self.process().files().find_open(fd);
  if (auto allowed = check_flags(file, flags, known); !allowed) return fail(allowed.error());
  return offset == -1 ? read_parts(self, file, to, count)
                      : move_all_at(self, file, Direction::read, to, count, offset);
}

/// flags: RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_NOWAIT, RWF_APPEND; EOPNOTSUPP for others
/// linux: As `write`. RWF_NOWAIT and RWF_APPEND fail with EOPNOTSUPP for all files but those in
///   memory. RWF_DSYNC and RWF_SYNC have no effect on files of the host and on disks.
IoAnswer pwritev2(Thread& self, int fd, Parts from, int count, std::int64_t offset, std::int64_t,
                  int flags) {
  constexpr int known = high_priority | data_sync | full_sync | no_wait | append;
  const int checked = (flags & append) != 0 ? flags | no_wait : flags;
  File* const file = self.process().files().find_open(fd);
  if (auto allowed = check_flags(file, checked, known); !allowed) return fail(allowed.error());
  const bool appends = (flags & append) != 0;
  return offset == -1 ? write_parts(self, file, from, count, appends)
                      : move_all_at(self, file, Direction::write, from, count, offset, appends);
}

Result<std::int64_t> lseek(Thread& self, int fd, std::int64_t offset, int whence) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (whence < 0 || whence > abi::seek_hole) return fail(Errno::einval);
  if (whence > abi::seek_cur) {
    if (auto fresh = refresh(*file); !fresh) return fail(fresh.error());
  }
  return file->seek(offset, whence);
}

Transfer getdents64(Thread& self, int fd, UserSpan<std::byte> to) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (async::Strand::is_shared() &&
      outside::find_bytes(self, to.address(), to.size(), hal::Access::write) == nullptr)
    return fail(Errno::would_block);
  IoBuffer buffer{self.space(), to.address(), std::min(to.size(), step_bytes)};
  if (file->waits_for_device()) [[unlikely]] {
    if (async::Strand::is_shared()) return fail(Errno::would_block);
    return self.wait([&] { return file->transfer_entries(buffer); });
  }
  return file->list(buffer);
}

Result<> ftruncate(Thread& self, int fd, std::int64_t size) {
  if (size < 0) return fail(Errno::einval);
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (!file->can_write()) return fail(Errno::einval);
  if (file->waits_for_device() && file->node() != nullptr && file->node()->is_remote())
      [[unlikely]] {
    if (async::Strand::is_shared()) return fail(Errno::would_block);
    return self.wait([&] {
      return file->node()->remote()->set_attributes({.size = static_cast<std::uint64_t>(size)});
    });
  }
  auto resized = file->resize(static_cast<std::uint64_t>(size));
  if (resized && file->node() != nullptr) file->node()->note_modification();
  return resized;
}

trap::Answer<Result<>> fsync(Thread& self, int fd) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (file->waits_for_device()) {
    return self.wait([&] { return sync(Ref<File>::share(*file)); });
  }
  const Node* const node = file->node();
  const unsigned type = node != nullptr ? node->type() : 0;
  return type == abi::s_ifreg || type == abi::s_ifdir ? Result<>{} : fail(Errno::einval);
}

template decltype(read<false>) read<false>;
template decltype(read<true>) read<true>;
template decltype(write<false>) write<false>;
template decltype(write<true>) write<true>;
template decltype(pread64<false>) pread64<false>;
template decltype(pread64<true>) pread64<true>;
template decltype(pwrite64<false>) pwrite64<false>;
template decltype(pwrite64<true>) pwrite64<true>;

}  // namespace kernel::sys

namespace kernel {
KERNEL_CALL(preadv, sys::preadv);
KERNEL_CALL(pwritev, sys::pwritev);
KERNEL_CALL(preadv2, sys::preadv2);
KERNEL_CALL(pwritev2, sys::pwritev2);
}  // namespace kernel
