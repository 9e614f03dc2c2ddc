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
  (void)co_await page_in_while(Ref<memory::AddressSpace>::share(self.space()),
                               [&] { return part.lacks_pages(side); });
}

namespace {

using Side = IoBuffer::Direction;

/// Moves the bytes of `buffer`, at `offset`, or at the file's position. Waits until the file has
/// data or room. A read ends when the file returns less than requested, as does a transfer at an
/// offset.
async::Task<Transfer> move_in_steps(Thread& self, Ref<File> file, Direction direction,
                                    std::optional<std::uint64_t> offset, IoBuffer buffer) {
  const bool reads = direction == Direction::read;
  const bool moves_all = !reads && !offset;
  const Side side = reads ? Side::put : Side::take;
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = buffer.first(step_bytes);
    if (part.lacks_pages(side)) co_await page_in_all(self, part, side);
    Socket* const socket = file->socket();
    if (done > 0 && socket != nullptr && socket->has_error(direction)) co_return done;
    Transfer moved = 0;
    if (offset) {
      const std::uint64_t place = *offset + done;
      moved = reads ? file->read_at(place, part) : file->write_at(place, part);
    } else {
      moved = reads ? file->try_read(part) : file->try_write(part);
      // As on Linux, a stream socket sends no SIGPIPE if the call has written a part.
      if (!reads && (done == 0 || socket == nullptr)) signal_broken_pipe(self, *file, moved);
    }
    if (!moved) {
      if (done > 0 && !moves_all) co_return done;
      const bool waits = waits_for(*file, part, moved);
      if (waits) {
        const auto woken = co_await file->changes(direction)->wait(reads ? "read" : "write");
        if (woken == async::WaitResult::woken) continue;
        moved = fail(Errno::eintr);
      }
      co_return done > 0 ? Transfer{done} : moved;
    }
    done += *moved;
    buffer.skip(*moved);
    const bool is_over = moves_all ? *moved == 0 : !part.empty();
    if (is_over || buffer.empty() || async::is_cancelled()) co_return done;
    co_await cond_resched(self);
  }
}

}  // namespace

async::Task<Transfer> start_moving(Thread& self, File& file, Direction direction,
                                   std::optional<std::uint64_t> offset, IoBuffer buffer) {
  if (!offset && file.socket() != nullptr && (!file.is_stream() || file.waits_for_device())) {
    const auto move = direction == Direction::read ? read_socket : write_socket;
    return move(self, Ref<File>::share(file), buffer);
  }
  if (file.waits_for_device()) return file.transfer(direction, offset, buffer);
  return move_in_steps(self, Ref<File>::share(file), direction, offset, buffer);
}

}  // namespace kernel::sys
