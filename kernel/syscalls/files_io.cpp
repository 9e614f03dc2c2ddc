// Reading and writing: arguments and results of each call. Waits are in io_loops.cpp.

#include <async/async.h>

#include <algorithm>

#include "files/file.h"
#include "process/steps.h"
#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/io_loops.h"
#include "syscalls/io_parts.h"

namespace kernel::sys {
namespace {

using Attempt = trap::Attempt<Transfer>;

Attempt refuse(Errno error) {
  return Transfer{fail(error)};
}

inline Attempt try_to_read(File& file, IoBuffer& buffer) {
  if (buffer.empty()) return Transfer{0};
  if (buffer.left() > step_bytes) return Attempt::wait();
  const Transfer moved = file.try_read(buffer);
  if (would_block(file, moved)) return Attempt::wait();
  return moved;
}

[[gnu::noinline]] Attempt not_written(Thread& self, const File& file, Transfer moved) {
  if (would_block(file, moved)) return Attempt::wait();
  signal_broken_pipe(self, moved);
  return moved;
}

inline Attempt try_to_write(Thread& self, File& file, IoBuffer& buffer) {
  if (buffer.empty()) return Transfer{0};
  // A write that may be partial takes the blocking form, which writes the rest.
  if (buffer.left() > std::min(file.whole_write(), step_bytes)) return Attempt::wait();
  const Transfer moved = file.try_write(buffer);
  if (!moved) return not_written(self, file, moved);
  return moved;
}

File* readable_file(Thread& self, int fd) {
  File* const file = self.process().files().find(fd);
  return file != nullptr && file->can_read() ? file : nullptr;
}
File* writable_file(Thread& self, int fd) {
  File* const file = self.process().files().find(fd);
  return file != nullptr && file->can_write() ? file : nullptr;
}

[[gnu::noinline]] trap::WaitingCall read_long(Thread& self, File& file, const IoBuffer& buffer) {
  return trap::WaitingCall{start_reading(self, file, buffer)};
}

}  // namespace

Attempt try_read(Thread& self, int fd, UserSpan<std::byte> to) {
  File* const file = readable_file(self, fd);
  if (file == nullptr) return refuse(Errno::ebadf);
  if (!to.in_range()) return refuse(Errno::efault);
  IoBuffer buffer{self.space(), to.address(), to.size()};
  return try_to_read(*file, buffer);
}

trap::WaitingCall read(Thread& self, int fd, UserSpan<std::byte> to) {
  File& file = *readable_file(self, fd);
  const IoBuffer buffer{self.space(), to.address(), to.size()};
  if (buffer.left() > step_bytes || file.waits_for_device()) [[unlikely]]
    return read_long(self, file, buffer);
  return trap::WaitingCall{std::in_place_type<ReadWait>, Ref<File>::share(file), buffer};
}

Attempt try_write(Thread& self, int fd, UserSpan<const std::byte> from) {
  File* const file = writable_file(self, fd);
  if (file == nullptr) return refuse(Errno::ebadf);
  if (!from.in_range()) return refuse(Errno::efault);
  IoBuffer buffer{self.space(), from.address(), from.size()};
  return try_to_write(self, *file, buffer);
}

async::Task<Transfer> write(Thread& self, int fd, UserSpan<const std::byte> from) {
  return start_writing(self, *writable_file(self, fd), {self.space(), from.address(), from.size()});
}

Attempt try_readv(Thread& self, int fd, UserPtr<const abi::IoVector> to, int count) {
  File* const file = readable_file(self, fd);
  if (file == nullptr) return refuse(Errno::ebadf);
  IoParts parts;
  if (auto read = parts.read(self.space(), to, count); !read) return refuse(read.error());
  IoBuffer buffer = parts.buffer(self.space());
  return try_to_read(*file, buffer);
}

async::Task<Transfer> readv(Thread& self, int fd, UserPtr<const abi::IoVector> to, int count) {
  auto file = Ref<File>::share(*readable_file(self, fd));
  IoParts parts;
  if (auto read = parts.read(self.space(), to, count); !read) co_return fail(read.error());
  // Another thread may have changed the list since the fast form read it.
  const IoBuffer buffer = parts.buffer(self.space());
  if (buffer.empty()) co_return 0;
  co_return co_await start_reading(self, *file, buffer);
}

Attempt try_writev(Thread& self, int fd, UserPtr<const abi::IoVector> from, int count) {
  File* const file = writable_file(self, fd);
  if (file == nullptr) return refuse(Errno::ebadf);
  IoParts parts;
  if (auto read = parts.read(self.space(), from, count); !read) return refuse(read.error());
  IoBuffer buffer = parts.buffer(self.space());
  return try_to_write(self, *file, buffer);
}

async::Task<Transfer> writev(Thread& self, int fd, UserPtr<const abi::IoVector> from, int count) {
  auto file = Ref<File>::share(*writable_file(self, fd));
  IoParts parts;
  if (auto read = parts.read(self.space(), from, count); !read) co_return fail(read.error());
  const IoBuffer buffer = parts.buffer(self.space());
  if (buffer.empty()) co_return 0;  // another thread has changed the list
  co_return co_await start_writing(self, *file, buffer);
}

Attempt try_pread64(Thread& self, int fd, UserSpan<std::byte> to, std::int64_t offset) {
  if (offset < 0) return refuse(Errno::einval);
  File* const file = readable_file(self, fd);
  if (file == nullptr) return refuse(Errno::ebadf);
  if (!to.in_range()) return refuse(Errno::efault);
  IoBuffer buffer{self.space(), to.address(), to.size()};
  if (buffer.left() > step_bytes || file->waits_for_device()) return Attempt::wait();
  return file->read_at(static_cast<std::uint64_t>(offset), buffer);
}

async::Task<Transfer> pread64(Thread& self, int fd, UserSpan<std::byte> to, std::int64_t offset) {
  return start_reading_at(self, *readable_file(self, fd), static_cast<std::uint64_t>(offset),
                          {self.space(), to.address(), to.size()});
}

Attempt try_pwrite64(Thread& self, int fd, UserSpan<const std::byte> from, std::int64_t offset) {
  if (offset < 0) return refuse(Errno::einval);
  File* const file = writable_file(self, fd);
  if (file == nullptr) return refuse(Errno::ebadf);
  if (!from.in_range()) return refuse(Errno::efault);
  IoBuffer buffer{self.space(), from.address(), from.size()};
  if (buffer.left() > step_bytes || file->waits_for_device()) return Attempt::wait();
  return file->write_at(static_cast<std::uint64_t>(offset), buffer);
}

async::Task<Transfer> pwrite64(Thread& self, int fd, UserSpan<const std::byte> from,
                               std::int64_t offset) {
  return start_writing_at(self, *writable_file(self, fd), static_cast<std::uint64_t>(offset),
                          {self.space(), from.address(), from.size()});
}

Result<std::int64_t> lseek(Thread& self, int fd, std::int64_t offset, int whence) {
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  return file->seek(offset, whence);
}

Transfer getdents64(Thread& self, int fd, UserSpan<std::byte> to) {
  File* const file = readable_file(self, fd);
  if (file == nullptr) return fail(Errno::ebadf);
  IoBuffer buffer{self.space(), to.address(), std::min(to.size(), step_bytes)};
  return file->list(buffer);
}

Result<> ftruncate(Thread& self, int fd, std::int64_t size) {
  if (size < 0) return fail(Errno::einval);
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (!file->can_write()) return fail(Errno::einval);
  return file->resize(static_cast<std::uint64_t>(size));
}

trap::Attempt<Result<>> try_fsync(Thread& self, int fd) {
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return Result<>{fail(Errno::ebadf)};
  if (file->waits_for_device()) return trap::Attempt<Result<>>::wait();
  return file->node() != nullptr ? Result<>{} : fail(Errno::einval);
}

async::Task<Result<>> fsync(Thread& self, int fd) {
  const auto file = Ref<File>::share(*self.process().files().find(fd));
  co_return co_await file->sync();
}

}  // namespace kernel::sys
