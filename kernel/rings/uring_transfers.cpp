// Reads, writes and receives of io_uring. Receives may take their buffers from a group.
#include <abi/flags.h>
#include <abi/socket.h>

#include <algorithm>
#include <optional>

#include "memory/user_memory.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "rings/uring_operations.h"
#include "syscalls/calls.h"
#include "syscalls/files.h"
#include "syscalls/io_loops.h"
#include "syscalls/submitted_calls.h"

namespace kernel::uring {

namespace {

UserPtr<const abi::IoVector> parts(const Sqe& sqe) {
  return UserPtr<const abi::IoVector>{sqe.addr};
}

/// Whether a transfer of the file ignores the offset, because the file is a stream without
/// positions.
bool ignores_offset(File& file, std::uint64_t offset) {
  return offset == current_place || file.node() == nullptr || file.pipe() != nullptr;
}
bool ignores_offset(Thread& self, int fd, std::uint64_t offset) {
  File* const file = self.process().files().find(fd);
  return file != nullptr ? ignores_offset(*file, offset) : offset == current_place;
}

trap::Answer<sys::Transfer> move(Thread& self, int fd, const Sqe& sqe) {
  const auto offset = static_cast<std::int64_t>(sqe.off);
  const bool is_vector = sqe.opcode == Op::readv || sqe.opcode == Op::writev;
  const bool reads = is_read(sqe.opcode);
  const auto count = static_cast<int>(sqe.len);
  const UserSpan<const std::byte> bytes{sqe.addr, sqe.len};
  if (ignores_offset(self, fd, sqe.off)) {
    if (is_vector)
      return reads ? sys::readv(self, fd, parts(sqe), count)
                   : sys::writev(self, fd, parts(sqe), count);
    return reads ? sys::read(self, fd, room(sqe)) : sys::write(self, fd, bytes);
  }
  if (is_vector) {
    return reads ? sys::preadv(self, fd, parts(sqe), count, offset)
                 : sys::pwritev(self, fd, parts(sqe), count, offset);
  }
  return reads ? sys::pread64(self, fd, room(sqe), offset) : sys::pwrite64(self, fd, bytes, offset);
}

/// A transfer with flags of preadv2 and pwritev2. RWF_NOWAIT: EAGAIN if it would have to wait.
trap::Answer<sys::Transfer> move_with_flags(Thread& self, int fd, const Sqe& sqe) {
  constexpr std::uint32_t high_priority = 1, no_wait = 8;
  if ((sqe.op_flags & high_priority) != 0) return fail(Errno::einval);
  const bool is_vector = sqe.opcode == Op::readv || sqe.opcode == Op::writev;
  const auto flags = static_cast<int>(sqe.op_flags);
  if (is_vector) {
    const auto count = static_cast<int>(sqe.len);
    const auto offset = ignores_offset(self, fd, sqe.off) ? -1 : static_cast<std::int64_t>(sqe.off);
    return is_read(sqe.opcode) ? sys::preadv2(self, fd, parts(sqe), count, offset, 0, flags)
                               : sys::pwritev2(self, fd, parts(sqe), count, offset, 0, flags);
  }
  constexpr std::uint32_t without_effect = no_wait | 2 | 4;  // RWF_DSYNC, RWF_SYNC
  if ((sqe.op_flags & ~without_effect) != 0) return fail(Errno::enotsup);
  const auto answer = move(self, fd, sqe);
  if (answer.blocks() && (sqe.op_flags & no_wait) != 0) return fail(Errno::eagain);
  return answer;
}

/// Calls the handler of a transfer into `picked`. `is_empty`: out; a message of a multishot
/// operation has no bytes.
Register receive_into(Thread& self, int fd, const Sqe& sqe, const Picked& picked, bool& is_empty) {
  Sqe part = sqe;
  part.addr = picked.address;
  part.len = sqe.len != 0 ? std::min(sqe.len, picked.length) : picked.length;
  // As Linux, a multishot operation waits only for the file, and ignores SO_RCVTIMEO and
  // SO_RCVLOWAT. So no coroutine of a socket receives a message without its frame.
  const int no_wait = is_multishot(sqe) ? abi::msg_dontwait : 0;
  const int flags = static_cast<int>(sqe.op_flags) | no_wait;
  if (sqe.opcode == Op::recv)
    return encoded(sys::recvfrom(self, fd, room(part), flags, 0, UserPtr<int>{0}));
  if (sqe.opcode == Op::recvmsg && is_multishot(sqe)) {
    part.len = picked.length;
    std::size_t payload = 1;
    const auto answer = sys::recvmsg_framed(self, fd, sqe.addr, room(part), flags, payload);
    is_empty = payload == 0;
    return encoded(answer);
  }
  if (sqe.opcode == Op::recvmsg)
    return encoded(sys::recvmsg_into(self, fd, sqe.addr, room(part), flags));
  part.opcode = Op::read;
  if (sqe.opcode == Op::read_multishot) part.off = current_place;
  return encoded(move(self, fd, part));
}

/// For a READV or RECVMSG with a selected buffer: the length of its only part. 0: a RECVMSG has no
/// part.
Result<std::uint32_t> length_of_part(Thread& self, const Sqe& sqe) {
  std::uint64_t count = sqe.len;
  UserPtr<const abi::IoVector> first = parts(sqe);
  if (sqe.opcode == Op::recvmsg) {
    const auto header = UserPtr<const abi::MessageHeader>{sqe.addr}.read(self.space());
    if (!header) return fail(header.error());
    if (header->part_count == 0) return 0u;
    count = header->part_count;
    first = UserPtr<const abi::IoVector>{header->parts};
  }
  if (count != 1) return fail(Errno::einval);
  const auto part = first.read(self.space());
  if (!part) return fail(part.error());
  return static_cast<std::uint32_t>(std::min<std::size_t>(part->length, 0x7fff'f000));
}

bool receives_message(const Sqe& sqe) {
  return sqe.opcode == Op::recv || sqe.opcode == Op::recvmsg;
}
bool fills_buffer(const Sqe& sqe) {
  return receives_message(sqe) && (sqe.op_flags & abi::msg_waitall) != 0;
}

/// The part of a buffer that one step can fill: a longer transfer needs a coroutine of its own,
/// which would wait with the buffer. Messages of datagrams are received in one step at any length.
Picked part_for_step(const Picked& picked, const Sqe& sqe, File& file) {
  const bool is_datagram = file.socket() != nullptr && !file.is_stream();
  if (is_datagram || fills_buffer(sqe) || !file.can_poll()) return picked;
  Picked part = picked;
  part.length = std::min(part.length, static_cast<std::uint32_t>(sys::step_bytes));
  return part;
}

/// Whether a transfer that has not succeeded in one step needs a coroutine of its own now.
bool takes_steps(const Sqe& sqe, File& file) {
  if (receives_message(sqe) && is_multishot(sqe)) return false;
  if (file.waits_for_device() || !file.can_poll()) return true;
  return fills_buffer(sqe) && (file.readiness() & abi::pollin) != 0;
}

std::uint32_t flags_for(const Picked& picked) {
  return abi::uring::cqe_buffer | std::uint32_t{picked.id} << abi::uring::cqe_buffer_shift;
}

/// Reads into buffers of a group. It takes a buffer only when bytes are there.
async::Task<Result<int>> receive_selected(Request& request, Thread& self) {
  Context& context = request.context;
  Sqe& sqe = request.sqe;
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  if (sqe.opcode == Op::readv || sqe.opcode == Op::recvmsg) {
    const auto length = co_await with_page_ins(self, [&] { return length_of_part(self, sqe); });
    if (!length) co_return fail(length.error());
    if (sqe.opcode == Op::readv) sqe.opcode = Op::read;
    sqe.len = *length;
  }
  File* const found = file_of(context, self, sqe);
  if (found == nullptr) co_return fail(Errno::ebadf);
  const auto file = Ref<File>::share(*found);
  if (sqe.opcode == Op::read_multishot && !file->can_poll()) co_return fail(Errno::ebadfd);
  std::size_t cost = 0;
  for (;;) {
    BufferGroup* group = context.groups.find(sqe.buf_index);
    auto picked = group != nullptr ? group->peek(self.space()) : fail(Errno::enobufs);
    if (picked) picked = part_for_step(*picked, sqe, *file);
    FileWait wait{request, *file, true, false};
    Register answer = trap::would_block;
    bool is_last = false;
    if (picked) {
      const trap::SyscallCaller::Elsewhere nowhere{self, nullptr};
      const sys::AsksFor asks{self};
      const DespiteNonblock waits{!never_waits(sqe)};
      const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
      answer = receive_into(self, fd.fd(), sqe, *picked, is_last);
    } else if (picked.error() != Errno::would_block) {
      co_return fail(picked.error());
    }
    if (answer == trap::would_block && picked && takes_steps(sqe, *file)) {
      group->take();
      request.cqe_flags = flags_for(*picked);
      answer = co_await make_call(self, [&] {
        const DespiteNonblock waits{!never_waits(sqe)};
        const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
        return receive_into(self, fd.fd(), sqe, *picked, is_last);
      });
      co_return static_cast<int>(answer);
    }
    // A multishot operation has received with MSG_DONTWAIT.
    const bool is_idle = answer == error(Errno::eagain) && !never_waits(sqe);
    if (answer == trap::would_block || is_idle) {
      if (space->missed_page()) {
        if (auto ready = co_await prepare_attempt(self); !ready) co_return fail(ready.error());
      } else if (co_await wait.wait() != async::WaitResult::woken) {
        co_return fail(Errno::eintr);
      }
      continue;
    }
    const auto result = static_cast<std::int32_t>(answer);
    const bool takes = result > 0 || (result == 0 && sqe.opcode == Op::read);
    std::uint32_t flags = 0;
    if (takes) {
      group->take();
      flags = flags_for(*picked);
    }
    if (result <= 0 || is_last || !is_multishot(sqe) ||
        !context.post_more(request, result, flags)) {
      request.cqe_flags = flags;
      co_return result;
    }
    cost += repeat_cost + static_cast<std::size_t>(result);
    if (cost >= sys::step_bytes) {
      cost = 0;
      co_await sys::cond_resched(self);
    }
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
}

/// An attempt to read into a selected buffer, in the step of the submission. would_block: the
/// operation needs its request.
Register receive_now(Context& context, Thread& self, const Sqe& sqe) {
  File* const file = file_of(context, self, sqe);
  const bool is_simple = sqe.opcode == Op::read || sqe.opcode == Op::recv;
  if (!is_simple || is_multishot(sqe) || file == nullptr || file->waits_for_device())
    return trap::would_block;
  BufferGroup* const group = context.groups.find(sqe.buf_index);
  if (group == nullptr) return error(Errno::enobufs);
  auto picked = group->peek(self.space());
  if (!picked)
    return picked.error() == Errno::would_block ? trap::would_block : error(picked.error());
  *picked = part_for_step(*picked, sqe, *file);
  bool is_empty = false;
  const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
  const Register answer = receive_into(self, fd.fd(), sqe, *picked, is_empty);
  if (answer == trap::would_block) return answer;
  const auto result = static_cast<std::int32_t>(answer);
  if (result > 0 || (result == 0 && sqe.opcode == Op::read)) {
    group->take();
    context.flags_of_step = flags_for(*picked);
  }
  return answer;
}

/// Whether a submission has only the fields of a transfer that can be made while the caller shares
/// the strand.
bool may_move_sharing(Context& context, const Sqe& sqe) {
  if ((sqe.flags & ~abi::uring::sqe_fixed_file) != 0 || sqe.ioprio != 0 || sqe.personality != 0)
    return false;
  constexpr std::uint32_t send_flags = abi::msg_nosignal | abi::msg_dontwait;
  switch (sqe.opcode) {
    case Op::read:
    case Op::write: return sqe.op_flags == 0;
    case Op::read_fixed:
    case Op::write_fixed:
      return sqe.op_flags == 0 && context.buffers.check(sqe.buf_index, sqe.addr, sqe.len);
    case Op::recv: return sqe.op_flags == 0 && sqe.off == 0 && sqe.file_index == 0;
    case Op::send: return (sqe.op_flags & ~send_flags) == 0 && sqe.off == 0 && sqe.file_index == 0;
    default: return false;
  }
}

}  // namespace

Result<std::size_t> answer_sharing(Context& context, Thread& self, const Sqe& sqe) {
  const auto refused = fail(Errno::would_block);
  if (!may_move_sharing(context, sqe)) return refused;
  File* const file =
      is_fixed(sqe) ? context.files.find(sqe.fd) : self.process().files().find(sqe.fd);
  if (file == nullptr) return refused;
  const bool reads = is_read(sqe.opcode) || sqe.opcode == Op::recv;
  if (!(reads ? file->can_read() : file->can_write())) return refused;
  const bool is_message = sqe.opcode == Op::recv || sqe.opcode == Op::send;
  if (is_message && file->socket() == nullptr) return refused;
  std::optional<std::uint64_t> offset;
  if (!is_message && !ignores_offset(*file, sqe.off)) {
    constexpr std::uint64_t most = INT64_MAX;
    if (sqe.off > most || sqe.off + sqe.len > most) return refused;
    offset = sqe.off;
  }
  const UserSpan<const std::byte> bytes{sqe.addr, sqe.len};
  return reads ? sys::move_sharing(self, *file, room(sqe), offset)
               : sys::move_sharing(self, *file, bytes, offset);
}

Register answer_transfer(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  if (context.polls_files()) {
    const File* const file = file_of(context, self, sqe);
    const bool may =
        file != nullptr && (is_read(sqe.opcode) ? file->can_read() : file->can_write());
    return error(may ? Errno::enotsup : Errno::ebadf);
  }
  if (selects_buffer(sqe)) {
    if (request == nullptr) return receive_now(context, self, sqe);
    return encoded(self.wait([&] { return receive_selected(*request, self); }));
  }
  if (sqe.opcode == Op::read_fixed || sqe.opcode == Op::write_fixed) {
    const auto valid = context.buffers.check(sqe.buf_index, sqe.addr, sqe.len);
    if (!valid) return encoded(valid);
  }
  const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
  if (sqe.op_flags != 0) return encoded(move_with_flags(self, fd.fd(), sqe));
  return encoded(move(self, fd.fd(), sqe));
}

}  // namespace kernel::uring
