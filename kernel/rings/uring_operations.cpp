// The operations of io_uring: they call the functions of the system calls with a submission's
// fields in place of registers.
#include <abi/flags.h>
#include <abi/socket.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "files/socket.h"
#include "memory/user_memory.h"
#include "process/asks_for.h"
#include "process/page_in.h"
#include "rings/uring_operations.h"
#include "syscalls/calls.h"
#include "syscalls/files.h"
#include "syscalls/submitted_calls.h"

namespace kernel::uring {

namespace {

Result<int> close_file(Context& context, Thread& self, const Sqe& sqe) {
  if (sqe.file_index != 0) {
    const auto index = static_cast<std::uint32_t>(sqe.file_index) - 1;
    if (!context.files.exists()) return fail(Errno::enxio);
    if (index >= context.files.count()) return fail(Errno::einval);
    if (context.files.find(static_cast<std::int32_t>(index)) == nullptr) return fail(Errno::ebadf);
    context.drop_file(index);
    return 0;
  }
  File* const file = self.process().files().find(sqe.fd);
  if (RingFile::from(file) != nullptr) return fail(Errno::ebadf);
  return sys::close(self, sqe.fd).transform([] { return 0; });
}

Result<int> provide_buffers(Context& context, const Sqe& sqe) {
  BufferGroup* group = context.groups.find(sqe.buf_index);
  if (group == nullptr) {
    const auto made = context.groups.make(sqe.buf_index);
    if (!made) return fail(made.error());
    group = *made;
  }
  if (group->is_ring()) return fail(Errno::einval);
  const auto added = group->add(sqe.addr, sqe.len, static_cast<std::uint32_t>(sqe.fd),
                                static_cast<std::uint16_t>(sqe.off));
  return added.transform([] { return 0; });
}

Result<int> remove_buffers(Context& context, const Sqe& sqe) {
  BufferGroup* const group = context.groups.find(sqe.buf_index);
  if (group == nullptr) return fail(Errno::enoent);
  if (group->is_ring()) return fail(Errno::einval);
  return static_cast<int>(group->drop(static_cast<std::uint32_t>(sqe.fd)));
}

Result<int> send_message(Context& context, Thread& self, const Sqe& sqe) {
  using namespace abi::uring;
  RingFile* const ring = RingFile::from(file_of(context, self, sqe));
  if (ring == nullptr) return fail(Errno::ebadfd);
  Context& target = ring->context();
  if (target.is_disabled) return fail(Errno::ebadfd);
  const bool passes_flags = (sqe.op_flags & msg_ring_flags_pass) != 0;
  if (sqe.addr == msg_data) {
    if (sqe.addr3 != 0) return fail(Errno::einval);
    if (!passes_flags && sqe.file_index != 0) return fail(Errno::einval);
    if ((sqe.op_flags & msg_ring_cqe_skip) != 0) return fail(Errno::einval);
    const auto flags = passes_flags ? static_cast<std::uint32_t>(sqe.file_index) : 0;
    target.post(sqe.off, static_cast<std::int32_t>(sqe.len), flags);
    return 0;
  }
  if (sqe.addr != msg_send_fd) return fail(Errno::einval);
  if (sqe.len != 0 || &target == &context) return fail(Errno::einval);
  File* const sent = context.files.find(static_cast<std::int32_t>(sqe.addr3));
  if (sent == nullptr) return fail(Errno::ebadf);
  const auto slot = target.install(Ref<File>::share(*sent), sqe.file_index);
  if (!slot) return fail(slot.error());
  if ((sqe.op_flags & msg_ring_cqe_skip) == 0) target.post(sqe.off, *slot, 0);
  return *slot;
}

Result<int> fixed_fd_install(Context& context, Thread& self, const Sqe& sqe) {
  File* const file = context.files.find(sqe.fd);
  if (file == nullptr) return fail(Errno::ebadf);
  const bool close_on_exec = (sqe.op_flags & abi::uring::fixed_fd_no_cloexec) == 0;
  file->note_other_table();
  return self.process().files().add(Ref<File>::share(*file), close_on_exec);
}

Register futex_wait(Thread& self, const Sqe& sqe) {
  return encoded(
      sys::futex_wait(self, sqe.addr, sqe.off, sqe.addr3, static_cast<unsigned>(sqe.fd), 0, 0));
}
Register futex_wake(Thread& self, const Sqe& sqe) {
  return encoded(sys::futex_wake(self, sqe.addr, sqe.addr3, static_cast<int>(sqe.off),
                                 static_cast<unsigned>(sqe.fd)));
}

std::optional<std::uint64_t> offset_of(std::uint64_t offset) {
  if (offset == current_place) return {};
  return offset;
}

Register splice_files(Context& context, Thread& self, const Sqe& sqe) {
  const bool is_in_fixed = (sqe.op_flags & abi::uring::splice_fd_in_fixed) != 0;
  const Descriptor in{context, self, sqe.file_index, is_in_fixed, 0};
  const Descriptor out{context, self, sqe.fd, is_fixed(sqe), 1};
  const unsigned flags = sqe.op_flags & ~abi::uring::splice_fd_in_fixed;
  if (sqe.opcode == Op::tee) return encoded(sys::tee(self, in.fd(), out.fd(), sqe.len, flags));
  return encoded(sys::splice_at(self, in.fd(), offset_of(sqe.addr), out.fd(), offset_of(sqe.off),
                                sqe.len, flags));
}

/// A command to a file. Only sockets take any.
Register command_file(Context& context, Thread& self, const Sqe& sqe) {
  enum : std::uint64_t { count_received, count_sent, get_option, set_option };  // sqe.off
  File* const file = file_of(context, self, sqe);
  if (file == nullptr) return error(Errno::ebadf);
  Socket* const socket = file->socket();
  if (socket == nullptr) return error(Errno::enotsup);
  const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
  const auto level = static_cast<int>(sqe.addr);
  const auto option = static_cast<int>(sqe.addr >> 32);
  switch (sqe.off) {
    case count_received: return encoded(socket->count_queued(abi::fionread));
    case count_sent: return encoded(socket->count_queued(abi::siocoutq));
    case get_option:
      if (level != abi::sol_socket) return error(Errno::enotsup);
      return encoded(sys::option_into(self, fd.fd(), level, option, sqe.addr3, sqe.file_index));
    case set_option:
      return encoded(sys::setsockopt(self, fd.fd(), level, option, sqe.addr3, sqe.file_index));
    default: return error(Errno::enotsup);
  }
}

/// Operations on a file that are no reads and writes.
Register answer_on_file(Context& context, Thread& self, const Sqe& sqe) {
  const Descriptor descriptor{context, self, sqe.fd, is_fixed(sqe), 0};
  const int fd = descriptor.fd();
  const auto flags = static_cast<int>(sqe.op_flags);
  const auto offset = static_cast<std::int64_t>(sqe.off);
  const UserPtr<const char> name{sqe.addr};
  switch (sqe.opcode) {
    case Op::uring_cmd: return command_file(context, self, sqe);
    case Op::fsync: return encoded(sys::fsync(self, fd));
    case Op::sync_file_range:
      return encoded(sys::sync_file_range(self, fd, offset, sqe.len, sqe.op_flags));
    case Op::fallocate:
      return encoded(sys::fallocate(self, fd, static_cast<int>(sqe.len), offset,
                                    static_cast<std::int64_t>(sqe.addr)));
    case Op::ftruncate: return encoded(sys::ftruncate(self, fd, offset));
    case Op::fadvise: {
      const std::uint64_t length = sqe.addr != 0 ? sqe.addr : sqe.len;
      return encoded(sys::fadvise64(self, fd, offset, static_cast<std::int64_t>(length), flags));
    }
    case Op::connect: return encoded(sys::connect(self, fd, sqe.addr, static_cast<int>(sqe.off)));
    case Op::bind: return encoded(sys::bind(self, fd, sqe.addr, static_cast<int>(sqe.off)));
    case Op::listen: return encoded(sys::listen(self, fd, static_cast<int>(sqe.len)));
    case Op::shutdown: return encoded(sys::shutdown(self, fd, static_cast<int>(sqe.len)));
    case Op::send:
      return encoded(sys::sendto(self, fd, room(sqe), flags, sqe.off, sqe.file_index & 0xffff));
    case Op::sendmsg: return encoded(sys::sendmsg(self, fd, sqe.addr, flags));
    case Op::recv: return encoded(sys::recvfrom(self, fd, room(sqe), flags, 0, UserPtr<int>{0}));
    case Op::recvmsg: return encoded(sys::recvmsg(self, fd, sqe.addr, flags));
    case Op::fsetxattr: return encoded(sys::fsetxattr(self, fd, name, sqe.off, sqe.len, flags));
    case Op::fgetxattr:
      return encoded(sys::fgetxattr(self, fd, name, UserSpan<std::byte>{sqe.off, sqe.len}));
    default: return error(Errno::einval);
  }
}

/// Operations without a file of their own.
Register answer_without_file(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  const UserPtr<const char> path{sqe.addr}, other_path{sqe.off};
  const auto flags = static_cast<int>(sqe.op_flags);
  switch (sqe.opcode) {
    case Op::close: return encoded(close_file(context, self, sqe));
    case Op::statx:
      return encoded(sys::statx(self, sqe.fd, path, flags, sqe.len, UserPtr<abi::Statx>{sqe.off}));
    case Op::renameat:
      return encoded(
          sys::renameat2(self, sqe.fd, path, static_cast<int>(sqe.len), other_path, sqe.op_flags));
    case Op::unlinkat: return encoded(sys::unlinkat(self, sqe.fd, path, flags));
    case Op::mkdirat: return encoded(sys::mkdirat(self, sqe.fd, path, sqe.len));
    case Op::symlinkat: return encoded(sys::symlinkat(self, path, sqe.fd, other_path));
    case Op::linkat:
      return encoded(sys::linkat(self, sqe.fd, path, static_cast<int>(sqe.len), other_path, flags));
    case Op::setxattr:
      return encoded(
          sys::setxattr(self, UserPtr<const char>{sqe.addr3}, path, sqe.off, sqe.len, flags));
    case Op::getxattr:
      return encoded(sys::getxattr(self, UserPtr<const char>{sqe.addr3}, path,
                                   UserSpan<std::byte>{sqe.off, sqe.len}));
    case Op::madvise: {
      const std::uint64_t length = sqe.off != 0 ? sqe.off : sqe.len;
      return encoded(sys::madvise(self, sqe.addr, length, flags));
    }
    case Op::epoll_ctl:
      return encoded(sys::epoll_ctl(self, sqe.fd, static_cast<int>(sqe.len),
                                    static_cast<int>(sqe.off), sqe.addr));
    case Op::files_update:
      return encoded(update_files_submitted(context, self, sqe, request != nullptr));
    case Op::provide_buffers: return encoded(provide_buffers(context, sqe));
    case Op::remove_buffers: return encoded(remove_buffers(context, sqe));
    case Op::poll_remove: return encoded(poll_remove(context, sqe));
    case Op::timeout_remove: return encoded(timeout_remove(context, self, sqe));
    case Op::async_cancel: return async_cancel(context, self, sqe, request);
    case Op::msg_ring: return encoded(send_message(context, self, sqe));
    case Op::fixed_fd_install: return encoded(fixed_fd_install(context, self, sqe));
    case Op::futex_wait: return futex_wait(self, sqe);
    case Op::futex_wake:
      // The waits that the thread has submitted before must begin before this wake.
      if (request == nullptr && Submitter::find(self)->has_starting()) return trap::would_block;
      return futex_wake(self, sqe);
    case Op::futex_waitv:
      return encoded(
          sys::futex_waitv(self, sqe.addr, sqe.len, 0, UserPtr<const abi::Timespec>{0}, 0));
    case Op::waitid:
      if (request == nullptr) return trap::would_block;
      return encoded(self.wait([&] {
        return sys::waitid(self, static_cast<int>(sqe.len), sqe.fd, sqe.off, sqe.file_index,
                           UserPtr<abi::ResourceUsage>{0});
      }));
    default: return error(Errno::einval);
  }
}

// ── Waiting for files ──

Register answer_once(Context& context, Thread& self, const Sqe& sqe, Request* request);

/// Whether an operation waits for its file, also if that has O_NONBLOCK.
bool may_wait_for_file(const Sqe& sqe) {
  return (is_transfer(sqe) || sqe.opcode == Op::accept || sqe.opcode == Op::connect) &&
         !never_waits(sqe);
}

/// Reads a signalfd, which delivers the signals of the reading thread. So each attempt needs
/// `self`, which the wait of a read does not have.
async::Task<Result<int>> read_signals(Request& request, Thread& self, Ref<File> file) {
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  for (;;) {
    FileWait wait{request, *file, true, false};
    Register answer = trap::would_block;
    {
      const trap::SyscallCaller::Elsewhere nowhere{self, nullptr};
      const sys::AsksFor asks{self};
      const DespiteNonblock waits{may_wait_for_file(request.sqe)};
      answer = answer_once(request.context, self, request.sqe, &request);
    }
    if (answer != trap::would_block) co_return static_cast<std::int32_t>(answer);
    if (space->missed_page()) {
      if (auto ready = co_await prepare_attempt(self); !ready) co_return fail(ready.error());
    } else if (co_await wait.wait() != async::WaitResult::woken) {
      co_return fail(Errno::eintr);
    }
  }
}

}  // namespace

bool never_waits(const Sqe& sqe) {
  constexpr std::uint32_t no_wait = 8;  // RWF_NOWAIT
  if (is_read(sqe.opcode) || is_write(sqe.opcode)) return (sqe.op_flags & no_wait) != 0;
  if (sqe.opcode == Op::accept) return (sqe.ioprio & abi::uring::accept_dontwait) != 0;
  return (sqe.op_flags & abi::msg_dontwait) != 0;
}

Register answer(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  const sys::AsksFor asks{self};
  if (request != nullptr && is_read(sqe.opcode) && !selects_buffer(sqe)) {
    File* const file = file_of(context, self, sqe);
    if (file != nullptr && file->signals() != nullptr)
      return encoded(
          self.wait([&] { return read_signals(*request, self, Ref<File>::share(*file)); }));
  }
  if (sqe.opcode == Op::connect) {
    // The connection belongs to the request that starts it. Another request for the same socket
    // fails with EALREADY.
    File* const file = file_of(context, self, sqe);
    if (file != nullptr && file->is_nonblocking()) {
      if (request == nullptr) return trap::would_block;
      const Register begun = answer_once(context, self, sqe, request);
      if (begun != error(Errno::einprogress)) return begun;
    }
  }
  const DespiteNonblock waits{may_wait_for_file(sqe)};
  return answer_once(context, self, sqe, request);
}

namespace {

Register answer_once(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  switch (sqe.opcode) {
    case Op::nop: return (sqe.op_flags & 1) != 0 ? encoded(static_cast<std::int32_t>(sqe.len)) : 0;
    case Op::read:
    case Op::write:
    case Op::readv:
    case Op::writev:
    case Op::read_fixed:
    case Op::write_fixed:
    case Op::read_multishot: return answer_transfer(context, self, sqe, request);
    case Op::recv:
    case Op::recvmsg:
      if (selects_buffer(sqe)) return answer_transfer(context, self, sqe, request);
      return answer_on_file(context, self, sqe);
    case Op::poll_add: return poll_add(context, self, sqe, request);
    case Op::timeout: return wait_for_time(self, request);
    case Op::splice:
    case Op::tee: return splice_files(context, self, sqe);
    default:
      if (makes_descriptor(sqe.opcode)) return answer_with_descriptor(context, self, sqe, request);
      if (traits_of(sqe.opcode).has_file && sqe.opcode != Op::msg_ring &&
          sqe.opcode != Op::fixed_fd_install)
        return answer_on_file(context, self, sqe);
      return answer_without_file(context, self, sqe, request);
  }
}

}  // namespace

bool is_transfer(const Sqe& sqe) {
  return is_read(sqe.opcode) || is_write(sqe.opcode) || sqe.opcode == Op::send ||
         sqe.opcode == Op::recv || sqe.opcode == Op::sendmsg || sqe.opcode == Op::recvmsg;
}

bool is_failure(Thread& self, const Sqe& sqe, std::int32_t answer) {
  if (answer < 0) {
    const bool is_over = answer == failed(Errno::etime);
    if (sqe.opcode == Op::link_timeout) return !is_over && answer != failed(Errno::ecanceled);
    const bool is_success = sqe.opcode == Op::timeout && is_over &&
                            (sqe.op_flags & abi::uring::timeout_etime_success) != 0;
    return !is_success;
  }
  if (sqe.opcode == Op::readv || sqe.opcode == Op::writev) {
    std::uint64_t whole = 0;
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(sqe.len, abi::max_io_vectors); ++i) {
      const UserPtr<const abi::IoVector> part{sqe.addr + i * sizeof(abi::IoVector)};
      const auto known = part.read(self.space());
      if (!known) return false;
      whole += known->length;
    }
    return static_cast<std::uint32_t>(answer) != whole;
  }
  const bool waits_for_all = (sqe.op_flags & abi::msg_waitall) != 0;
  const bool is_message = sqe.opcode == Op::send || sqe.opcode == Op::recv;
  if (selects_buffer(sqe)) return false;
  if (is_read(sqe.opcode) || is_write(sqe.opcode) || (is_message && waits_for_all))
    return static_cast<std::uint32_t>(answer) != sqe.len;
  return false;
}

File* file_of(Context& context, Thread& self, const Sqe& sqe) {
  if (static_cast<unsigned>(sqe.opcode) >= abi::uring::op_count || !traits_of(sqe.opcode).has_file)
    return nullptr;
  if (is_fixed(sqe)) return context.files.find(sqe.fd);
  return self.process().files().find_open(sqe.fd);
}

}  // namespace kernel::uring
