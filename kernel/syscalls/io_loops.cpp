#include "syscalls/io_loops.h"

#include <async/async.h>

#include <utility>

#include "process/page_in.h"
#include "process/signal_delivery.h"
#include "process/steps.h"
#include "syscalls/sockets.h"

namespace kernel::sys {

void post_broken_pipe(Thread& self) {
  self.post_signal(signal_from(self, static_cast<int>(abi::Signal::sigpipe), abi::si_user));
}

async::Task<Result<>> page_in_all(Thread& self, IoBuffer part, IoBuffer::Direction side) {
  co_return co_await page_in_while(self, [&] { return part.lacks_pages(side); });
}

std::coroutine_handle<> DeviceTransfer::again(std::coroutine_handle<> caller) {
  const auto place = offset_.transform([this](std::uint64_t start) { return start + done_; });
  task_.emplace(file_->transfer(direction_, place, left_));
  return std::move(*task_).operator co_await().await_suspend(caller);
}

Transfer DeviceTransfer::await_resume() {
  const Transfer moved = std::move(*task_).operator co_await().await_resume();
  task_.reset();
  if (!moved) return done_ > 0 ? Transfer{done_} : moved;
  done_ += static_cast<std::uint32_t>(*moved);
  left_.skip(*moved);
  if (left_.empty() || *moved == 0 || self_.must_end_call()) return done_;
  const bool lacks_page = left_.first(1).lacks_pages(side_of(direction_));
  return lacks_page ? fail(Errno::would_block) : Transfer{done_};
}

namespace {

using Side = IoBuffer::Direction;

/// Writes `part` at the end that the file has now. Advances the file's position if `place` has no
/// offset.
[[gnu::noinline, gnu::cold]] Transfer write_at_end(File& file, const FilePlace& place,
                                                   IoBuffer& part) {
  if (place.offset) return file.write_at(file.node()->size(), part);
  return file.seek(0, abi::seek_end).and_then([&](std::int64_t) { return file.try_write(part); });
}

/// Moves the bytes of `buffer`. A read ends when the file returns less than requested, as does a
/// transfer at an offset.
async::Task<Transfer> move_in_steps(Thread& self, Ref<File> file, Direction direction,
                                    FilePlace place, IoBuffer buffer, bool waits) {
  const bool reads = direction == Direction::read;
  const bool moves_all = !reads && !place.offset;
  const Side side = side_of(direction);
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = buffer.first(step_bytes);
    Result<> paged_in;
    if (part.lacks_pages(side)) paged_in = co_await page_in_all(self, part, side);
    Socket* const socket = file->socket();
    if (done > 0 && socket != nullptr && socket->has_error(direction)) co_return done;
    Transfer moved = 0;
    if (place.is_end) [[unlikely]] {
      moved = write_at_end(*file, place, part);
    } else if (place.offset) {
      const std::uint64_t at = *place.offset + done;
      moved = reads ? file->read_at(at, part) : file->write_at(at, part);
    } else {
      const DespiteNonblock despite{waits};
      moved = reads ? file->try_read(part) : file->try_write(part);
      // As on Linux, a stream socket sends no SIGPIPE if the call has written a part.
      if (!reads && (done == 0 || socket == nullptr)) signal_broken_pipe(self, *file, moved);
    }
    if (!moved) {
      if (done > 0 && !moves_all) co_return done;
      if (waits_for_file(part, moved)) {
        moved = fail(Errno::eagain);
        if (waits) {
          const auto woken = co_await file->changes(direction)->wait(reads ? "read" : "write");
          if (woken == async::WaitResult::woken) continue;
          moved = fail(Errno::eintr);
        }
      } else if (blocks(moved)) {
        if (paged_in) continue;
        moved = fail(paged_in.error());
      }
      co_return done > 0 ? Transfer{done} : moved;
    }
    done += *moved;
    buffer.skip(*moved);
    const bool is_over = moves_all ? *moved == 0 : !part.empty();
    if (is_over || buffer.empty() || self.must_end_call()) co_return done;
    co_await cond_resched(self);
  }
}

async::Task<Transfer> move_by_device(Thread& self, Ref<File> file, Direction direction,
                                     std::optional<std::uint64_t> offset, IoBuffer buffer) {
  DeviceTransfer transfer{self, std::move(file), direction, offset, buffer};
  const Transfer moved = co_await await_with_page_ins(self, transfer);
  co_return !moved && transfer.done() > 0 ? Transfer{transfer.done()} : moved;
}

}  // namespace

async::Task<Transfer> start_moving(Thread& self, File& file, Direction direction, FilePlace place,
                                   IoBuffer buffer, bool waits) {
  if (!place.offset && file.socket() != nullptr && (!file.is_stream() || file.waits_for_device())) {
    const auto move = direction == Direction::read ? read_socket : write_socket;
    return move(self, Ref<File>::share(file), buffer, waits);
  }
  if (file.waits_for_device())
    return move_by_device(self, Ref<File>::share(file), direction, place.offset, buffer);
  return move_in_steps(self, Ref<File>::share(file), direction, place, buffer, waits);
}

}  // namespace kernel::sys
