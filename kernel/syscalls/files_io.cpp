// Moving bytes between files and programs. The waiting loops are here, once for all kinds of files.

#include <async/async.h>

#include <algorithm>
#include <array>
#include <memory>

#include "files/file.h"
#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/steps.h"

namespace kernel::sys {
namespace {

using Attempt = trap::Attempt<Transfer>;

Attempt refuse(Errno error) {
  return Transfer{fail(error)};
}

bool would_wait(const File& file, const Transfer& moved) {
  if (moved || moved.error() != Errno::eagain) return false;
  return !file.is_nonblocking() || file.waits_for_device();
}

/// What a failed write means for the program when nobody reads any more.
void tell_broken_pipe(Thread& self, const Transfer& moved) {
  if (!moved && moved.error() == Errno::epipe) self.post_signal(abi::Signal::sigpipe);
}

/// A read or write that did not move anything at once.
[[gnu::noinline]] Attempt not_moved(Thread& self, const File& file, Transfer moved) {
  if (would_wait(file, moved)) return Attempt::wait();
  tell_broken_pipe(self, moved);
  return moved;
}

inline Attempt try_to_read(Thread& self, File& file, IoBuffer& buffer) {
  if (buffer.empty()) return Transfer{0};
  if (buffer.left() > step_bytes) return Attempt::wait();
  const Transfer moved = file.try_read(buffer);
  if (!moved) return not_moved(self, file, moved);
  return moved;
}

inline Attempt try_to_write(Thread& self, File& file, IoBuffer& buffer) {
  if (buffer.empty()) return Transfer{0};
  // What may go in in part is for the other form, which knows how to go on.
  if (buffer.left() > std::min(file.whole_write(), step_bytes)) return Attempt::wait();
  const Transfer moved = file.try_write(buffer);
  if (!moved) return not_moved(self, file, moved);
  return moved;
}

/// Comes after a try that moved nothing, so it waits first.
async::Task<Transfer> read_waiting(Ref<File> file, IoBuffer buffer) {
  for (;;) {
    const auto woken = co_await file->changes(Direction::read)->wait("read");
    if (woken != async::WaitResult::woken) co_return fail(Errno::eintr);
    const Transfer moved = file->try_read(buffer);
    if (!would_wait(*file, moved)) co_return moved;
  }
}

/// Reads more than is moved in one step. Ends where a file gives less than it was asked for.
async::Task<Transfer> read_in_steps(Thread& self, Ref<File> file, IoBuffer buffer) {
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = buffer.first(step_bytes);
    const Transfer moved = file->try_read(part);
    if (!moved) {
      if (done > 0) co_return done;
      if (would_wait(*file, moved)) co_return co_await read_waiting(std::move(file), buffer);
      co_return moved;
    }
    done += *moved;
    buffer.skip(*moved);
    if (!part.empty() || buffer.empty() || async::is_cancelled()) co_return done;
    co_await let_others_run(self);
  }
}

async::Task<Transfer> start_reading(Thread& self, File& file, IoBuffer buffer) {
  if (file.waits_for_device()) return file.transfer(Direction::read, {}, buffer);
  auto shared = Ref<File>::share(file);
  if (buffer.left() > step_bytes) return read_in_steps(self, std::move(shared), buffer);
  return read_waiting(std::move(shared), buffer);
}

/// Goes on until all is written: a short count is for files that are full, errors, and the end of
/// the thread.
async::Task<Transfer> write_waiting(Thread& self, Ref<File> file, IoBuffer buffer) {
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = buffer.first(step_bytes);
    const Transfer moved = file->try_write(part);
    tell_broken_pipe(self, moved);
    if (moved) {
      done += *moved;
      buffer.skip(*moved);
    }
    if (moved ? buffer.empty() || *moved == 0 : !would_wait(*file, moved)) {
      if (done > 0) co_return done;
      co_return moved;
    }
    if (moved) {
      co_await let_others_run(self);
      if (async::is_cancelled()) co_return done;
      continue;
    }
    const auto woken = co_await file->changes(Direction::write)->wait("write");
    if (woken != async::WaitResult::woken) {
      if (done > 0) co_return done;
      co_return fail(Errno::eintr);
    }
  }
}

/// read_at or write_at of more than a step. Ends where the file moves less than it was asked for.
async::Task<Transfer> move_in_steps(Thread& self, Ref<File> file,
                                    Transfer (File::*move)(std::uint64_t, IoBuffer&),
                                    std::uint64_t offset, IoBuffer buffer) {
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = buffer.first(step_bytes);
    const Transfer moved = ((*file).*move)(offset + done, part);
    if (!moved) co_return done > 0 ? Transfer{done} : moved;
    done += *moved;
    buffer.skip(*moved);
    if (!part.empty() || buffer.empty() || async::is_cancelled()) co_return done;
    co_await let_others_run(self);
  }
}

async::Task<Transfer> start_writing(Thread& self, File& file, IoBuffer buffer) {
  if (file.waits_for_device()) return file.transfer(Direction::write, {}, buffer);
  return write_waiting(self, Ref<File>::share(file), buffer);
}

File* readable_file(Thread& self, int fd) {
  File* const file = self.process().files().find(fd);
  return file != nullptr && file->can_read() ? file : nullptr;
}
File* writable_file(Thread& self, int fd) {
  File* const file = self.process().files().find(fd);
  return file != nullptr && file->can_write() ? file : nullptr;
}

/// readv's and writev's list of parts, in the kernel. Stays where it is: buffers point into it.
class Parts {
 public:
  Parts() = default;
  Parts(const Parts&) = delete;

  /// EINVAL for more than there may be, or a total that is too large; EFAULT; ENOMEM.
  Result<> read(memory::AddressSpace& space, UserPtr<const abi::IoVector> from, int count) {
    if (count < 0 || count > abi::max_io_vectors) return fail(Errno::einval);
    count_ = static_cast<std::size_t>(count);
    if (count_ > few_.size()) {
      if (!memory::admit_in_one_piece(count_ * sizeof(abi::IoVector))) return fail(Errno::enomem);
      many_ = std::make_unique_for_overwrite<abi::IoVector[]>(count_);
    }
    const auto parts = std::span{data(), count_};
    const UserSpan<const abi::IoVector> list{from.address(), count_};
    if (auto copied = list.read(space, parts); !copied) return copied;

    std::int64_t total = 0;
    for (const abi::IoVector& part : parts) {
      const auto length = static_cast<std::int64_t>(part.length);
      if (length < 0 || __builtin_add_overflow(total, length, &total)) return fail(Errno::einval);
      if (!UserSpan<std::byte>{part.base, part.length}.in_range()) return fail(Errno::efault);
    }
    return {};
  }

  IoBuffer buffer(memory::AddressSpace& space) {
    return {space, std::span<const abi::IoVector>{data(), count_}};
  }

 private:
  abi::IoVector* data() { return count_ > few_.size() ? many_.get() : few_.data(); }

  std::size_t count_ = 0;
  std::array<abi::IoVector, 8> few_;
  std::unique_ptr<abi::IoVector[]> many_;
};

}  // namespace

Attempt try_read(Thread& self, int fd, UserSpan<std::byte> to) {
  File* const file = readable_file(self, fd);
  if (file == nullptr) return refuse(Errno::ebadf);
  if (!to.in_range()) return refuse(Errno::efault);
  IoBuffer buffer{self.space(), to.address(), to.size()};
  return try_to_read(self, *file, buffer);
}

async::Task<Transfer> read(Thread& self, int fd, UserSpan<std::byte> to) {
  return start_reading(self, *readable_file(self, fd), {self.space(), to.address(), to.size()});
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
  Parts parts;
  if (auto read = parts.read(self.space(), to, count); !read) return refuse(read.error());
  IoBuffer buffer = parts.buffer(self.space());
  return try_to_read(self, *file, buffer);
}

async::Task<Transfer> readv(Thread& self, int fd, UserPtr<const abi::IoVector> to, int count) {
  auto file = Ref<File>::share(*readable_file(self, fd));
  Parts parts;
  if (auto read = parts.read(self.space(), to, count); !read) co_return fail(read.error());
  co_return co_await start_reading(self, *file, parts.buffer(self.space()));
}

Attempt try_writev(Thread& self, int fd, UserPtr<const abi::IoVector> from, int count) {
  File* const file = writable_file(self, fd);
  if (file == nullptr) return refuse(Errno::ebadf);
  Parts parts;
  if (auto read = parts.read(self.space(), from, count); !read) return refuse(read.error());
  IoBuffer buffer = parts.buffer(self.space());
  return try_to_write(self, *file, buffer);
}

async::Task<Transfer> writev(Thread& self, int fd, UserPtr<const abi::IoVector> from, int count) {
  auto file = Ref<File>::share(*writable_file(self, fd));
  Parts parts;
  if (auto read = parts.read(self.space(), from, count); !read) co_return fail(read.error());
  co_return co_await start_writing(self, *file, parts.buffer(self.space()));
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
  File& file = *readable_file(self, fd);
  const auto place = static_cast<std::uint64_t>(offset);
  const IoBuffer buffer{self.space(), to.address(), to.size()};
  if (file.waits_for_device()) return file.transfer(Direction::read, place, buffer);
  return move_in_steps(self, Ref<File>::share(file), &File::read_at, place, buffer);
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
  File& file = *writable_file(self, fd);
  const auto place = static_cast<std::uint64_t>(offset);
  const IoBuffer buffer{self.space(), from.address(), from.size()};
  if (file.waits_for_device()) return file.transfer(Direction::write, place, buffer);
  return move_in_steps(self, Ref<File>::share(file), &File::write_at, place, buffer);
}

Result<std::int64_t> lseek(Thread& self, int fd, std::int64_t offset, int whence) {
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  return file->seek(offset, whence);
}

Transfer getdents64(Thread& self, int fd, UserSpan<std::byte> to) {
  File* const file = readable_file(self, fd);
  if (file == nullptr) return fail(Errno::ebadf);
  IoBuffer buffer{self.space(), to.address(), to.size()};
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
