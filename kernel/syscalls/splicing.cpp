// Transfers between two files, or between a program and a pipe: sendfile, copy_file_range, splice,
// tee and vmsplice.
//
// The bytes go through a page of the kernel. A pipe loses the bytes only after the other file has
// taken them: no other job runs between the look at the bytes and their removal, unless the other
// file is a disk.

#include <abi/flags.h>

#include <algorithm>
#include <optional>

#include "files/node.h"
#include "files/pipe.h"
#include "files/socket.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "syscalls/files.h"
#include "syscalls/io_loops.h"
#include "syscalls/io_parts.h"
#include "syscalls/registered_calls.h"
#include "syscalls/submitted_calls.h"

namespace kernel {
namespace sys {
namespace {

using OffsetPtr = UserPtr<std::int64_t>;
using TransferAnswer = trap::Answer<Transfer>;

/// A page for bytes on their way.
class Bounce {
 public:
  Bounce() : page_{memory::Frame::allocate(memory::Use::user)} {}
  explicit operator bool() const { return static_cast<bool>(page_); }
  std::span<std::byte> first(std::size_t count) const {
    return {page_.bytes(), std::min(count, hal::page_size)};
  }

 private:
  memory::Frame page_;
};

/// A file with positions, or its end of a pipe.
struct TransferPlace {
  Ref<File> file;
  std::optional<std::uint64_t> offset;  // nothing: the file's own position
  std::uintptr_t offset_address = 0;    // where the program wants the new offset; 0: nowhere

  bool is_pipe() const { return file->pipe() != nullptr; }
};

bool has_positions(File& file) {
  return file.seek(0, abi::seek_cur).has_value();
}

unsigned kind_of(File& file) {
  return file.node() != nullptr ? file.node()->type() : 0;
}

/// The position of a side that is no pipe.
std::uint64_t position(const TransferPlace& side) {
  if (side.offset) return *side.offset;
  return static_cast<std::uint64_t>(side.file->seek(0, abi::seek_cur).value_or(0));
}

/// Moves the position of a side that is no pipe, or tells the program its new offset. EFAULT;
/// EINTR. A page-in of the offset's page must not make the call again: the bytes have moved
/// already.
async::Task<Result<>> set_position(Thread& self, const TransferPlace& side, std::uint64_t to) {
  const auto place = static_cast<std::int64_t>(to);
  if (!side.offset) co_return side.file->seek(place, abi::seek_set).transform([](std::int64_t) {});
  if (side.offset_address == 0) co_return Result<>{};
  co_return co_await with_page_ins(
      self, [&] { return OffsetPtr{side.offset_address}.write(self.space(), place); });
}

async::Task<Transfer> move_at(File& file, Direction direction, std::uint64_t place,
                              std::span<std::byte> bytes) {
  IoBuffer buffer{bytes};
  if (file.waits_for_device()) co_return co_await file.transfer(direction, place, buffer);
  co_return direction == Direction::read ? file.read_at(place, buffer)
                                         : file.write_at(place, buffer);
}

/// Copies from a file with positions to one that is no pipe, until the end of `from` or a short
/// write. `writes_at`: to an offset of `to`, else as write() does.
async::Task<Transfer> copy(Thread& self, TransferPlace from, TransferPlace to, bool writes_at,
                           std::size_t count) {
  const Bounce bounce;
  if (!bounce) co_return fail(Errno::enomem);
  const std::uint64_t start = position(from);
  const std::uint64_t start_out = writes_at ? position(to) : 0;
  std::size_t done = 0;
  Transfer moved = 0;
  while (done < count) {
    moved = co_await move_at(*from.file, Direction::read, start + done, bounce.first(count - done));
    if (!moved || *moved == 0) break;
    const auto bytes = bounce.first(*moved);
    if (writes_at) {
      moved = co_await move_at(*to.file, Direction::write, start_out + done, bytes);
    } else {
      moved = co_await start_moving(self, *to.file, Direction::write, {}, IoBuffer{bytes},
                                    !to.file->is_nonblocking());
    }
    if (!moved) break;
    done += *moved;
    if (*moved < bytes.size() || async::is_cancelled()) break;
    if (done % step_bytes < hal::page_size) co_await cond_resched(self);
  }
  if (done == 0) co_return moved;
  if (auto set = co_await set_position(self, from, start + done); !set) co_return fail(set.error());
  if (writes_at) {
    if (auto set = co_await set_position(self, to, start_out + done); !set)
      co_return fail(set.error());
  }
  co_return done;
}

/// At its end, a transfer passes on the wakes that it has got from pipes: a woken job must try to
/// read or write, and wake the next one (pipe.h), but the other side may have ended the transfer.
class PassesWakes {
 public:
  explicit PassesWakes(Ref<File> file) : file_{std::move(file)} {}
  PassesWakes(const PassesWakes&) = delete;
  ~PassesWakes() { file_->pipe()->pass_wakes(); }

 private:
  Ref<File> file_;
};

/// Waits until a pipe may have bytes or room. EAGAIN; EINTR.
async::Task<Result<>> wait_for_pipe(Ref<File> file, Direction direction, bool never_waits) {
  if (never_waits || file->is_nonblocking()) co_return fail(Errno::eagain);
  const auto woken = co_await file->changes(direction)->wait("splice");
  co_return woken == async::WaitResult::woken ? Result<>{} : fail(Errno::eintr);
}

/// Moves the bytes of a page into a pipe, as many as there is room for. EPIPE; would_block.
Transfer put_into_pipe(File& file, std::span<std::byte> bytes) {
  Pipe& pipe = *file.pipe();
  if (!pipe.has_readers()) return fail(Errno::epipe);
  const std::size_t count = std::min(bytes.size(), pipe.room());
  if (count == 0) return fail(Errno::would_block);
  IoBuffer buffer{bytes.first(count)};
  return file.try_write(buffer);
}

/// splice() from a file to a pipe: until the pipe is full or the file ends.
async::Task<Transfer> fill_pipe(Thread& self, TransferPlace from, Ref<File> to, std::size_t count,
                                bool never_waits) {
  const PassesWakes wakes{to};
  const Bounce bounce;
  if (!bounce) co_return fail(Errno::enomem);
  const std::uint64_t start = position(from);
  std::size_t done = 0;
  Transfer moved = 0;
  while (done < count) {
    Pipe& pipe = *to->pipe();
    if (pipe.has_readers() && pipe.room() == 0) {
      if (done > 0) break;
      if (auto waited = co_await wait_for_pipe(to, Direction::write, never_waits); !waited)
        co_return fail(waited.error());
      continue;
    }
    const std::size_t some = pipe.has_readers() ? std::min(count - done, pipe.room()) : 1;
    moved = co_await move_at(*from.file, Direction::read, start + done, bounce.first(some));
    if (!moved || *moved == 0) break;
    moved = put_into_pipe(*to, bounce.first(*moved));
    if (blocks(moved)) continue;  // filled during a disk's read
    if (!moved) break;
    done += *moved;
    if (async::is_cancelled()) break;
  }
  if (done == 0) {
    signal_broken_pipe(self, *to, moved);
    co_return moved;
  }
  if (auto set = co_await set_position(self, from, start + done); !set) co_return fail(set.error());
  co_return done;
}

/// splice() from a socket to a pipe: the bytes that are there, until the pipe is full. A stream
/// loses only bytes that the pipe has taken. A message that the pipe has no memory for is lost.
async::Task<Transfer> fill_pipe_from_socket(Thread& self, Ref<File> from, Ref<File> to,
                                            std::size_t count, bool never_waits) {
  const PassesWakes wakes{to};
  const Bounce bounce;
  if (!bounce) co_return fail(Errno::enomem);
  std::size_t done = 0;
  Transfer moved = 0;
  while (done < count) {
    Pipe& pipe = *to->pipe();
    if (!pipe.has_readers()) {
      moved = fail(Errno::epipe);
      break;
    }
    if (pipe.room() == 0) {
      if (done > 0) break;
      if (auto waited = co_await wait_for_pipe(to, Direction::write, never_waits); !waited)
        co_return fail(waited.error());
      continue;
    }
    IoBuffer room{bounce.first(std::min(count - done, pipe.room()))};
    const int peek = from->is_stream() ? abi::msg_peek : 0;
    Incoming message{.flags = abi::msg_dontwait | peek};
    moved = from->socket()->receive(room, message);
    if (blocks(moved)) {
      if (done > 0) break;
      if (auto waited = co_await wait_for_pipe(from, Direction::read, never_waits); !waited)
        co_return fail(waited.error());
      continue;
    }
    if (!moved || *moved == 0) break;
    moved = put_into_pipe(*to, bounce.first(*moved));
    if (!moved) break;
    if (peek != 0) {
      IoBuffer taken{bounce.first(*moved)};
      Incoming again{.flags = abi::msg_dontwait};
      (void)from->socket()->receive(taken, again);
    }
    done += *moved;
    if (!from->is_stream() || async::is_cancelled()) break;
    if (done % step_bytes < hal::page_size) co_await cond_resched(self);
  }
  if (done > 0) co_return done;
  signal_broken_pipe(self, *to, moved);
  co_return moved;
}

/// Removes bytes that the caller has seen from a pipe.
void drop_from_pipe(File& file, std::span<std::byte> room) {
  IoBuffer buffer{room};
  (void)file.try_read(buffer);
}

/// splice() from a pipe to another file: until the pipe is empty.
async::Task<Transfer> drain_pipe(Thread& self, Ref<File> from, TransferPlace to, bool writes_at,
                                 std::size_t count, bool never_waits) {
  const PassesWakes wakes{from};
  const Bounce bounce;
  if (!bounce) co_return fail(Errno::enomem);
  const std::uint64_t start = writes_at ? position(to) : 0;
  std::size_t done = 0;
  Transfer moved = 0;
  while (done < count) {
    const std::size_t there = from->pipe()->peek(0, bounce.first(count - done));
    if (there == 0) {
      if (done > 0 || !from->pipe()->has_writers()) break;
      if (auto waited = co_await wait_for_pipe(from, Direction::read, never_waits); !waited)
        co_return fail(waited.error());
      continue;
    }
    const auto bytes = bounce.first(there);
    if (to.file->waits_for_device()) {
      drop_from_pipe(*from, bytes);
      moved = co_await move_at(*to.file, Direction::write, start + done, bytes);
    } else {
      IoBuffer buffer{bytes};
      moved = writes_at ? to.file->write_at(start + done, buffer) : to.file->try_write(buffer);
      if (blocks(moved)) {
        if (done > 0) break;
        from->pipe()->pass_wakes();
        if (auto waited = co_await wait_for_pipe(to.file, Direction::write, never_waits); !waited)
          co_return fail(waited.error());
        continue;
      }
      if (moved) drop_from_pipe(*from, bytes.first(*moved));
    }
    if (!moved || *moved == 0) break;
    done += *moved;
    if (async::is_cancelled()) break;
    if (done % step_bytes < hal::page_size) co_await cond_resched(self);
  }
  if (done == 0) co_return moved;
  if (writes_at) {
    if (auto set = co_await set_position(self, to, start + done); !set) co_return fail(set.error());
  }
  co_return done;
}

/// splice() and tee() between two pipes. `keeps`: the bytes also stay in the first one.
async::Task<Transfer> move_between_pipes(Thread& self, Ref<File> from, Ref<File> to,
                                         std::size_t count, bool keeps, bool never_waits) {
  const PassesWakes wakes_of_readers{from}, wakes_of_writers{to};
  const Bounce bounce;
  if (!bounce) co_return fail(Errno::enomem);
  std::size_t done = 0;
  while (done < count) {
    const auto bytes =
        bounce.first(from->pipe()->peek(keeps ? done : 0, bounce.first(count - done)));
    if (bytes.empty()) {
      if (done > 0 || !from->pipe()->has_writers()) break;
      if (auto waited = co_await wait_for_pipe(from, Direction::read, never_waits); !waited)
        co_return fail(waited.error());
      continue;
    }
    const auto moved = put_into_pipe(*to, bytes);
    if (blocks(moved)) {
      if (done > 0) break;
      from->pipe()->pass_wakes();
      if (auto waited = co_await wait_for_pipe(to, Direction::write, never_waits); !waited)
        co_return fail(waited.error());
      continue;
    }
    if (!moved) {
      if (done > 0) break;
      signal_broken_pipe(self, *to, moved);
      co_return moved;
    }
    if (!keeps) drop_from_pipe(*from, bytes.first(*moved));
    done += *moved;
  }
  co_return done;
}

/// The side of `file`, with the offset at `address`, if that is not null. EFAULT; EINVAL: negative.
Result<TransferPlace> place_of_file(Thread& self, File& file, OffsetPtr address) {
  TransferPlace side{.file = Ref<File>::share(file)};
  if (!address) return side;
  const auto offset = address.read(self.space());
  if (!offset) return fail(offset.error());
  if (*offset < 0) return fail(Errno::einval);
  side.offset = static_cast<std::uint64_t>(*offset);
  side.offset_address = address.address();
  return side;
}

File* file_for(Thread& self, int fd, Direction direction) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return nullptr;
  return (direction == Direction::read ? file->can_read() : file->can_write()) ? file : nullptr;
}

constexpr unsigned splice_flags =
    abi::splice_move | abi::splice_nonblock | abi::splice_more | abi::splice_gift;

}  // namespace

/// linux: A transfer has 2 GiB at most.
TransferAnswer sendfile(Thread& self, int out, int in, OffsetPtr offset, std::size_t count) {
  if (offset) {
    if (auto readable = offset.read(self.space()); !readable) return fail(readable.error());
  }
  File* const from = file_for(self, in, Direction::read);
  if (from == nullptr) return fail(Errno::ebadf);
  if (!has_positions(*from)) return fail(offset ? Errno::espipe : Errno::einval);
  auto source = place_of_file(self, *from, offset);
  if (!source) return fail(source.error());
  File* const to = file_for(self, out, Direction::write);
  if (to == nullptr) return fail(Errno::ebadf);
  if (kind_of(*from) == abi::s_ifdir) return fail(Errno::einval);
  if (to->pipe() == nullptr && to->appends()) return fail(Errno::einval);
  count = std::min(count, IoBuffer::longest);
  if (count == 0) return 0;
  return self.wait([&] {
    if (to->pipe() != nullptr)
      return fill_pipe(self, std::move(*source), Ref<File>::share(*to), count, false);
    return copy(self, std::move(*source), TransferPlace{.file = Ref<File>::share(*to)}, false,
                count);
  });
}

/// flags: 0; EINVAL for others
/// linux: A transfer has 2 GiB at most. The bytes are always copied.
TransferAnswer copy_file_range(Thread& self, int in, OffsetPtr offset_in, int out,
                               OffsetPtr offset_out, std::size_t count, unsigned flags) {
  File* const from = self.process().files().find_open(in);
  File* const to = self.process().files().find_open(out);
  if (from == nullptr || to == nullptr) return fail(Errno::ebadf);
  auto source = place_of_file(self, *from, offset_in);
  if (!source) return fail(source.error());
  auto target = place_of_file(self, *to, offset_out);
  if (!target) return fail(target.error());
  if (flags != 0) return fail(Errno::einval);
  if (kind_of(*from) == abi::s_ifdir || kind_of(*to) == abi::s_ifdir) return fail(Errno::eisdir);
  if (kind_of(*from) != abi::s_ifreg || kind_of(*to) != abi::s_ifreg) return fail(Errno::einval);
  if (!from->can_read() || !to->can_write() || to->appends()) return fail(Errno::ebadf);
  if (from->node()->file_system() != to->node()->file_system()) return fail(Errno::exdev);
  const std::uint64_t start_in = position(*source), start_out = position(*target);
  std::uint64_t end;
  if (__builtin_add_overflow(std::max(start_in, start_out), count, &end) || end > INT64_MAX)
    return fail(Errno::eoverflow);
  const std::uint64_t size = from->node()->size();
  count = std::min<std::uint64_t>(std::min(count, IoBuffer::longest),
                                  start_in < size ? size - start_in : 0);
  const bool is_same = from->node() == to->node();
  if (is_same && start_out < start_in + count && start_in < start_out + count)
    return fail(Errno::einval);
  if (count == 0) return 0;
  return self.wait([&] { return copy(self, std::move(*source), std::move(*target), true, count); });
}

namespace {

/// splice() between two sides whose offsets are known.
TransferAnswer splice_between(Thread& self, TransferPlace source, TransferPlace target,
                              std::size_t count, unsigned flags) {
  File& from = *source.file;
  File& to = *target.file;
  if (!from.can_read() || !to.can_write()) return fail(Errno::ebadf);
  const bool never_waits = (flags & abi::splice_nonblock) != 0;
  count = std::min(count, IoBuffer::longest);
  if (source.is_pipe() && target.is_pipe()) {
    if (from.pipe() == to.pipe()) return fail(Errno::einval);
    return self.wait([&] {
      return move_between_pipes(self, source.file, target.file, count, false, never_waits);
    });
  }
  if (source.is_pipe()) {
    const bool writes_at = has_positions(to);
    if ((target.offset && !writes_at) || to.appends()) return fail(Errno::einval);
    return self.wait([&] {
      return drain_pipe(self, source.file, std::move(target), writes_at, count, never_waits);
    });
  }
  if (target.is_pipe() && from.socket() != nullptr) {
    if (source.offset) return fail(Errno::espipe);
    return self.wait(
        [&] { return fill_pipe_from_socket(self, source.file, target.file, count, never_waits); });
  }
  if (!target.is_pipe() || !has_positions(from) || kind_of(from) == abi::s_ifdir)
    return fail(Errno::einval);
  return self.wait(
      [&] { return fill_pipe(self, std::move(source), target.file, count, never_waits); });
}

/// One side of splice_at(). EINVAL.
Result<TransferPlace> place_at(File& file, std::optional<std::uint64_t> offset) {
  if (offset && file.pipe() != nullptr) return fail(Errno::espipe);
  if (offset && *offset > INT64_MAX) return fail(Errno::einval);
  return TransferPlace{.file = Ref<File>::share(file), .offset = offset};
}

}  // namespace

/// flags: SPLICE_F_MOVE, SPLICE_F_NONBLOCK, SPLICE_F_MORE, SPLICE_F_GIFT; EINVAL for others
/// linux: The bytes are always copied, so only SPLICE_F_NONBLOCK has an effect.
TransferAnswer splice(Thread& self, int in, OffsetPtr offset_in, int out, OffsetPtr offset_out,
                      std::size_t count, unsigned flags) {
  if (count == 0) return 0;
  if ((flags & ~splice_flags) != 0) return fail(Errno::einval);
  File* const from = self.process().files().find_open(in);
  File* const to = self.process().files().find_open(out);
  if (from == nullptr || to == nullptr) return fail(Errno::ebadf);
  if ((from->pipe() != nullptr && offset_in) || (to->pipe() != nullptr && offset_out))
    return fail(Errno::espipe);
  auto source = place_of_file(self, *from, offset_in);
  if (!source) return fail(source.error());
  auto target = place_of_file(self, *to, offset_out);
  if (!target) return fail(target.error());
  return splice_between(self, std::move(*source), std::move(*target), count, flags);
}

TransferAnswer splice_at(Thread& self, int in, std::optional<std::uint64_t> offset_in, int out,
                         std::optional<std::uint64_t> offset_out, std::size_t count,
                         unsigned flags) {
  if ((flags & ~splice_flags) != 0) return fail(Errno::einval);
  File* const from = self.process().files().find_open(in);
  File* const to = self.process().files().find_open(out);
  if (from == nullptr || to == nullptr) return fail(Errno::ebadf);
  if (count == 0) return 0;
  auto source = place_at(*from, offset_in);
  if (!source) return fail(source.error());
  auto target = place_at(*to, offset_out);
  if (!target) return fail(target.error());
  return splice_between(self, std::move(*source), std::move(*target), count, flags);
}

/// flags: as `splice`
/// linux: The bytes are always copied, so only SPLICE_F_NONBLOCK has an effect.
TransferAnswer tee(Thread& self, int in, int out, std::size_t count, unsigned flags) {
  if ((flags & ~splice_flags) != 0) return fail(Errno::einval);
  if (count == 0) return 0;
  File* const from = self.process().files().find_open(in);
  File* const to = self.process().files().find_open(out);
  if (from == nullptr || to == nullptr) return fail(Errno::ebadf);
  if (!from->can_read() || !to->can_write()) return fail(Errno::ebadf);
  if (from->pipe() == nullptr || to->pipe() == nullptr || from->pipe() == to->pipe())
    return fail(Errno::einval);
  return self.wait([&] {
    return move_between_pipes(self, Ref<File>::share(*from), Ref<File>::share(*to),
                              std::min(count, IoBuffer::longest), true,
                              (flags & abi::splice_nonblock) != 0);
  });
}

namespace {

/// vmsplice() into a pipe: until it is full, or all bytes are in it.
async::Task<Transfer> put_parts(Thread& self, Ref<File> to, UserPtr<const abi::IoVector> list,
                                int count, bool never_waits) {
  const PassesWakes wakes{to};
  const Bounce bounce;
  IoParts parts;
  if (!bounce) co_return fail(Errno::enomem);
  if (auto read = parts.read(self.space(), list, count); !read) co_return fail(read.error());
  IoBuffer from = parts.buffer(self.space());
  std::size_t done = 0;
  while (!from.empty() && !async::is_cancelled()) {
    Pipe& pipe = *to->pipe();
    if (pipe.has_readers() && pipe.room() == 0) {
      if (done > 0) break;
      if (auto waited = co_await wait_for_pipe(to, Direction::write, never_waits); !waited)
        co_return fail(waited.error());
      continue;
    }
    const std::size_t some = pipe.has_readers() ? std::min(from.left(), pipe.room()) : 1;
    auto moved = from.take(bounce.first(some));
    if (moved && *moved == 0) moved = fail(Errno::efault);
    if (blocks(moved)) {
      const auto ready = co_await prepare_attempt(self);
      if (ready) continue;
      moved = fail(ready.error());
    }
    if (moved) moved = put_into_pipe(*to, bounce.first(*moved));
    if (!moved) {
      if (done > 0) break;
      signal_broken_pipe(self, *to, moved);
      co_return moved;
    }
    done += *moved;
  }
  co_return done;
}

}  // namespace

/// flags: as `splice`
/// linux: The bytes are always copied, so only SPLICE_F_NONBLOCK has an effect.
TransferAnswer vmsplice(Thread& self, int fd, UserPtr<const abi::IoVector> parts, std::size_t count,
                        unsigned flags) {
  if ((flags & ~splice_flags) != 0) return fail(Errno::einval);
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr || file->pipe() == nullptr) return fail(Errno::ebadf);
  if (count > abi::max_io_vectors) return fail(Errno::einval);
  if (count == 0) return 0;
  const int number = static_cast<int>(count);
  const bool never_waits = (flags & abi::splice_nonblock) != 0;
  if (file->can_write()) {
    return self.wait(
        [&] { return put_parts(self, Ref<File>::share(*file), parts, number, never_waits); });
  }
  if (never_waits && file->pipe()->filled() == 0 && file->pipe()->has_writers())
    return fail(Errno::eagain);
  return read_parts(self, file, parts, number);
}

}  // namespace sys

KERNEL_CALL(vmsplice, sys::vmsplice);
KERNEL_CALL(sendfile, sys::sendfile);
KERNEL_CALL(copy_file_range, sys::copy_file_range);
KERNEL_CALL(splice, sys::splice);
KERNEL_CALL(tee, sys::tee);

}  // namespace kernel
