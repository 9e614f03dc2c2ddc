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

async::Task<> page_in_all(Thread& self, IoBuffer part, IoBuffer::Direction side) {
  (void)co_await with_page_ins(Ref<memory::AddressSpace>::share(self.space()), [&]() -> Result<> {
    return part.lacks_pages(side) ? fail(Errno::would_block) : Result<>{};
  });
}

namespace {

using Side = IoBuffer::Direction;

/// Reads more than one step's bytes. Ends when the file returns less than requested.
async::Task<Transfer> read_in_steps(Thread& self, Ref<File> file, IoBuffer buffer) {
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = buffer.first(step_bytes);
    if (part.lacks_pages(Side::put)) co_await page_in_all(self, part, Side::put);
    Transfer moved = file->try_read(part);
    if (!moved) {
      if (done > 0) co_return done;
      if (!waits_for(*file, part, moved)) co_return moved;
      const auto woken = co_await file->changes(Direction::read)->wait("read");
      if (woken != async::WaitResult::woken) co_return fail(Errno::eintr);
      continue;
    }
    done += *moved;
    buffer.skip(*moved);
    if (!part.empty() || buffer.empty() || async::is_cancelled()) co_return done;
    co_await cond_resched(self);
  }
}

async::Task<Transfer> write_waiting(Thread& self, Ref<File> file, IoBuffer buffer) {
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = buffer.first(step_bytes);
    if (part.lacks_pages(Side::take)) co_await page_in_all(self, part, Side::take);
    Transfer moved = file->try_write(part);
    signal_broken_pipe(self, *file, moved);
    if (moved) {
      done += *moved;
      buffer.skip(*moved);
    }
    if (moved ? buffer.empty() || *moved == 0 : !waits_for(*file, part, moved)) {
      if (done > 0) co_return done;
      co_return moved;
    }
    if (moved) {
      co_await cond_resched(self);
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

/// read_at() or write_at() of more than one step's bytes. Ends when the file moves less than
/// requested.
async::Task<Transfer> move_in_steps(Thread& self, Ref<File> file, Direction direction,
                                    std::uint64_t offset, IoBuffer buffer) {
  const bool reads = direction == Direction::read;
  const Side side = reads ? Side::put : Side::take;
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = buffer.first(step_bytes);
    if (part.lacks_pages(side)) co_await page_in_all(self, part, side);
    const std::uint64_t place = offset + done;
    const Transfer moved = reads ? file->read_at(place, part) : file->write_at(place, part);
    if (!moved) co_return done > 0 ? Transfer{done} : moved;
    done += *moved;
    buffer.skip(*moved);
    if (!part.empty() || buffer.empty() || async::is_cancelled()) co_return done;
    co_await cond_resched(self);
  }
}

}  // namespace

async::Task<Transfer> start_moving(Thread& self, File& file, Direction direction, IoBuffer buffer) {
  if (file.socket() != nullptr && (!file.is_stream() || file.waits_for_device())) {
    const auto move = direction == Direction::read ? read_socket : write_socket;
    return move(self, Ref<File>::share(file), buffer);
  }
  if (file.waits_for_device()) return file.transfer(direction, {}, buffer);
  const auto move = direction == Direction::read ? read_in_steps : write_waiting;
  return move(self, Ref<File>::share(file), buffer);
}

async::Task<Transfer> start_moving_at(Thread& self, File& file, Direction direction,
                                      std::uint64_t offset, IoBuffer buffer) {
  return move_in_steps(self, Ref<File>::share(file), direction, offset, buffer);
}

}  // namespace kernel::sys
