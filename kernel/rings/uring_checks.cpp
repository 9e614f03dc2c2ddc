// The fields of io_uring's submissions: which ones an operation has, and which values are valid.
#include <abi/flags.h>
#include <abi/socket.h>

#include "memory/user_memory.h"
#include "rings/uring_operations.h"

namespace kernel::uring {

Traits traits_of(Op operation) {
  using enum Op;
  constexpr Traits plain, file{.has_file = true}, unknown{.is_known = false};
  switch (operation) {
    case readv:
    case read: return {.has_file = true, .takes_ioprio = true, .selects_buffer = true};
    case writev:
    case write:
    case read_fixed:
    case write_fixed: return {.has_file = true, .takes_ioprio = true};
    case read_multishot: return {.has_file = true, .takes_ioprio = true, .selects_buffer = true};
    case accept: return {.has_file = true, .takes_ioprio = true};
    case send:
    case sendmsg: return {.has_file = true, .takes_ioprio = true};
    case recv:
    case recvmsg: return {.has_file = true, .takes_ioprio = true, .selects_buffer = true};
    case fsync:
    case poll_add:
    case sync_file_range:
    case connect:
    case fallocate:
    case fadvise:
    case splice:
    case tee:
    case shutdown:
    case msg_ring:
    case fsetxattr:
    case fgetxattr:
    case fixed_fd_install:
    case ftruncate:
    case bind:
    case listen: return file;
    case uring_cmd: return file;
    case send_zc:
    case sendmsg_zc: return unknown;
    default: return plain;
  }
}

bool is_multishot(const Sqe& sqe) {
  switch (sqe.opcode) {
    case Op::accept: return (sqe.ioprio & abi::uring::accept_multishot) != 0;
    case Op::recv:
    case Op::recvmsg: return (sqe.ioprio & abi::uring::recv_multishot) != 0;
    case Op::poll_add: return (sqe.len & abi::uring::poll_multi) != 0;
    case Op::read_multishot: return true;
    default: return false;
  }
}

namespace {

/// Whether a ring with IORING_SETUP_IOPOLL accepts the operation.
bool may_poll_files(Op operation) {
  switch (operation) {
    case Op::nop:
    case Op::readv:
    case Op::writev:
    case Op::read_fixed:
    case Op::write_fixed:
    case Op::files_update:
    case Op::read:
    case Op::write:
    case Op::provide_buffers:
    case Op::remove_buffers:
    case Op::msg_ring:
    case Op::uring_cmd: return true;
    default: return false;
  }
}

bool are_valid_cancel_flags(std::uint32_t flags) {
  using namespace abi::uring;
  constexpr std::uint32_t known =
      cancel_all | cancel_fd | cancel_any | cancel_fd_fixed | cancel_user_data | cancel_op;
  if ((flags & ~known) != 0) return false;
  const bool by_file_or_op = (flags & (cancel_fd | cancel_op)) != 0;
  return !by_file_or_op || (flags & cancel_any) == 0;
}

bool is_valid_timeout(const Sqe& sqe, bool is_linked) {
  using namespace abi::uring;
  constexpr std::uint32_t clocks = timeout_boottime | timeout_realtime;
  constexpr std::uint32_t known = timeout_abs | clocks | timeout_etime_success | timeout_multishot;
  if (sqe.buf_index != 0 || sqe.len != 1 || sqe.file_index != 0) return false;
  if ((sqe.op_flags & ~known) != 0 || (sqe.op_flags & clocks) == clocks) return false;
  if (is_linked) return sqe.off == 0 && (sqe.op_flags & timeout_multishot) == 0;
  return (sqe.op_flags & timeout_multishot) == 0 || (sqe.op_flags & timeout_abs) == 0;
}

bool is_valid_poll_change(const Sqe& sqe) {
  using namespace abi::uring;
  if (sqe.buf_index != 0 || sqe.file_index != 0) return false;
  const std::uint32_t flags = sqe.len;
  if ((flags & ~(poll_update_events | poll_update_user_data | poll_multi)) != 0) return false;
  if (flags == poll_multi) return false;
  if ((flags & poll_update_user_data) == 0 && sqe.off != 0) return false;
  return (flags & poll_update_events) != 0 || sqe.op_flags == 0;
}

/// Whether the fields that the operation does not use, and its flags, are valid.
Result<> check_fields(Context& context, const Sqe& sqe) {
  using namespace abi::uring;
  const auto require = [](bool valid) { return valid ? Result<>{} : fail(Errno::einval); };
  const auto has_no = [](auto... fields) { return ((fields == 0) && ...); };
  constexpr std::uint32_t o_cloexec = abi::o_cloexec;
  const bool is_direct = sqe.file_index != 0;
  switch (sqe.opcode) {
    case Op::nop: return require((sqe.op_flags & ~1u) == 0);
    case Op::read_fixed:
    case Op::write_fixed:
      if (!context.buffers.exists() || sqe.buf_index >= context.buffers.count())
        return fail(Errno::efault);
      return {};
    case Op::read_multishot: return require(selects_buffer(sqe) && has_no(sqe.addr, sqe.len));
    case Op::fsync:
      return require(has_no(sqe.addr, sqe.buf_index, sqe.file_index) &&
                     (sqe.op_flags & ~fsync_datasync) == 0);
    case Op::sync_file_range: return require(has_no(sqe.addr, sqe.buf_index, sqe.file_index));
    case Op::poll_add:
      if ((sqe.len & poll_multi) != 0 && (sqe.flags & sqe_cqe_skip_success) != 0)
        return fail(Errno::einval);
      return require(has_no(sqe.buf_index, sqe.off, sqe.addr) &&
                     (sqe.len & ~(poll_multi | poll_level)) == 0);
    case Op::poll_remove: return require(is_valid_poll_change(sqe));
    case Op::timeout: return require(is_valid_timeout(sqe, false));
    case Op::link_timeout: return require(is_valid_timeout(sqe, true));
    case Op::timeout_remove: {
      if (is_fixed(sqe) || selects_buffer(sqe)) return fail(Errno::einval);
      const std::uint32_t update = timeout_update | link_timeout_update;
      if (!has_no(sqe.buf_index, sqe.len, sqe.file_index)) return fail(Errno::einval);
      if ((sqe.op_flags & update) == 0) return require(sqe.op_flags == 0);
      constexpr std::uint32_t clocks = timeout_boottime | timeout_realtime;
      return require((sqe.op_flags & ~(update | timeout_abs | clocks)) == 0 &&
                     (sqe.op_flags & clocks) != clocks);
    }
    case Op::accept: {
      constexpr std::uint32_t known = abi::sock_nonblock | abi::sock_cloexec;
      if (sqe.len != 0 || sqe.buf_index != 0) return fail(Errno::einval);
      if ((sqe.ioprio & ~(accept_multishot | accept_dontwait | accept_poll_first)) != 0 ||
          (sqe.op_flags & ~known) != 0)
        return fail(Errno::einval);
      if (is_direct && (sqe.op_flags & abi::sock_cloexec) != 0) return fail(Errno::einval);
      return require(!is_direct || !is_multishot(sqe) ||
                     static_cast<std::uint32_t>(sqe.file_index) == file_index_alloc);
    }
    case Op::uring_cmd: return require(sqe.off >> 32 == 0 && sqe.op_flags == 0);
    case Op::connect: return require(has_no(sqe.len, sqe.buf_index, sqe.op_flags, sqe.file_index));
    case Op::async_cancel:
      if (is_fixed(sqe) || selects_buffer(sqe)) return fail(Errno::einval);
      return require(has_no(sqe.off, sqe.file_index) && are_valid_cancel_flags(sqe.op_flags));
    case Op::fallocate: return require(has_no(sqe.buf_index, sqe.op_flags, sqe.file_index));
    case Op::openat:
    case Op::openat2:
      if (sqe.buf_index != 0) return fail(Errno::einval);
      if (is_fixed(sqe)) return fail(Errno::ebadf);
      return require(sqe.opcode != Op::openat || !is_direct || (sqe.op_flags & o_cloexec) == 0);
    case Op::close:
      if (!has_no(sqe.off, sqe.addr, sqe.len, sqe.op_flags, sqe.buf_index))
        return fail(Errno::einval);
      if (is_fixed(sqe)) return fail(Errno::ebadf);
      return require(!is_direct || sqe.fd == 0);
    case Op::files_update:
      return require(!is_fixed(sqe) && !selects_buffer(sqe) &&
                     has_no(sqe.op_flags, sqe.file_index) && sqe.len != 0);
    case Op::statx:
      if (!has_no(sqe.buf_index, sqe.file_index)) return fail(Errno::einval);
      return is_fixed(sqe) ? fail(Errno::ebadf) : Result<>{};
    case Op::fadvise: return require(has_no(sqe.buf_index, sqe.file_index));
    case Op::madvise: return require(has_no(sqe.buf_index, sqe.file_index));
    case Op::send:
      if (sqe.op_flags & ~0x7fff'ffffu) return fail(Errno::einval);
      return require((sqe.ioprio & ~recvsend_poll_first) == 0);
    case Op::sendmsg:
      return require((sqe.ioprio & ~recvsend_poll_first) == 0 && has_no(sqe.off, sqe.file_index));
    case Op::recv:
    case Op::recvmsg: {
      if (!has_no(sqe.off, sqe.file_index)) return fail(Errno::einval);
      if ((sqe.ioprio & ~(recvsend_poll_first | recv_multishot)) != 0) return fail(Errno::einval);
      if (!is_multishot(sqe)) return {};
      return require(selects_buffer(sqe) && (sqe.op_flags & abi::msg_waitall) == 0);
    }
    case Op::epoll_ctl: return require(has_no(sqe.buf_index, sqe.file_index) && !is_fixed(sqe));
    case Op::splice: {
      constexpr std::uint32_t known = 15 | splice_fd_in_fixed;
      return require((sqe.op_flags & ~known) == 0);
    }
    case Op::tee: {
      constexpr std::uint32_t known = 15 | splice_fd_in_fixed;
      return require(has_no(sqe.off, sqe.addr) && (sqe.op_flags & ~known) == 0);
    }
    case Op::provide_buffers: {
      if (!has_no(sqe.op_flags, sqe.file_index)) return fail(Errno::einval);
      if (sqe.fd <= 0 || sqe.fd > 65'536) return fail(Errno::e2big);
      std::uint64_t end;
      const std::uint64_t bytes = std::uint64_t{sqe.len} * static_cast<std::uint32_t>(sqe.fd);
      if (__builtin_add_overflow(sqe.addr, bytes, &end)) return fail(Errno::eoverflow);
      if (!memory::UserSpan<std::byte>{sqe.addr, bytes}.in_range()) return fail(Errno::efault);
      if (sqe.off > 0xffff) return fail(Errno::e2big);
      return require(sqe.off + static_cast<std::uint32_t>(sqe.fd) <= 65'536);
    }
    case Op::remove_buffers:
      return require(has_no(sqe.op_flags, sqe.addr, sqe.len, sqe.off, sqe.file_index) &&
                     sqe.fd > 0 && sqe.fd <= 65'536);
    case Op::shutdown:
      return require(has_no(sqe.off, sqe.addr, sqe.op_flags, sqe.buf_index, sqe.file_index));
    case Op::renameat:
    case Op::linkat:
      if (!has_no(sqe.buf_index, sqe.file_index)) return fail(Errno::einval);
      return is_fixed(sqe) ? fail(Errno::ebadf) : Result<>{};
    case Op::unlinkat:
      if (!has_no(sqe.off, sqe.len, sqe.buf_index, sqe.file_index)) return fail(Errno::einval);
      if (is_fixed(sqe)) return fail(Errno::ebadf);
      return require((sqe.op_flags & ~std::uint32_t{abi::at_removedir}) == 0);
    case Op::mkdirat:
      if (!has_no(sqe.off, sqe.op_flags, sqe.buf_index, sqe.file_index)) return fail(Errno::einval);
      return is_fixed(sqe) ? fail(Errno::ebadf) : Result<>{};
    case Op::symlinkat:
      if (!has_no(sqe.len, sqe.op_flags, sqe.buf_index, sqe.file_index)) return fail(Errno::einval);
      return is_fixed(sqe) ? fail(Errno::ebadf) : Result<>{};
    case Op::msg_ring:
      return require(has_no(sqe.buf_index, sqe.personality) &&
                     (sqe.op_flags & ~(msg_ring_cqe_skip | msg_ring_flags_pass)) == 0);
    case Op::fsetxattr: return {};
    case Op::setxattr:
    case Op::getxattr: return is_fixed(sqe) ? fail(Errno::ebadf) : Result<>{};
    case Op::fgetxattr: return require(sqe.op_flags == 0);
    case Op::socket:
      if (!has_no(sqe.addr, sqe.op_flags, sqe.buf_index)) return fail(Errno::einval);
      return require(!is_direct || (sqe.off & abi::sock_cloexec) == 0);
    case Op::waitid: return require(has_no(sqe.addr, sqe.buf_index, sqe.addr3, sqe.op_flags));
    case Op::futex_wait:
    case Op::futex_wake: {
      if (!has_no(sqe.len, sqe.op_flags, sqe.buf_index, sqe.file_index)) return fail(Errno::einval);
      constexpr std::uint32_t size_u32 = 2, known = size_u32 | abi::futex_private_flag;
      const auto flags = static_cast<std::uint32_t>(sqe.fd);
      return require((flags & ~known) == 0 && (flags & size_u32) != 0 && sqe.addr3 <= 0xffff'ffff &&
                     sqe.addr3 != 0 && sqe.off <= 0xffff'ffff);
    }
    case Op::futex_waitv:
      return require(
          has_no(sqe.fd, sqe.buf_index, sqe.file_index, sqe.off, sqe.op_flags, sqe.addr3));
    case Op::fixed_fd_install:
      if (!has_no(sqe.off, sqe.addr, sqe.len, sqe.buf_index, sqe.file_index, sqe.addr3))
        return fail(Errno::einval);
      if (!is_fixed(sqe)) return fail(Errno::ebadf);
      if (sqe.personality != 0) return fail(Errno::eperm);
      return require((sqe.op_flags & ~fixed_fd_no_cloexec) == 0);
    case Op::ftruncate:
      return require(
          has_no(sqe.op_flags, sqe.addr, sqe.len, sqe.buf_index, sqe.file_index, sqe.addr3));
    case Op::bind: return require(has_no(sqe.len, sqe.buf_index, sqe.op_flags, sqe.file_index));
    case Op::listen:
      return require(has_no(sqe.addr, sqe.buf_index, sqe.op_flags, sqe.file_index, sqe.off));
    default: return {};
  }
}

/// As ioprio_set(2): a class, and a level below 8. Class 0 has level 0.
bool is_io_priority(std::uint16_t value) {
  const unsigned kind = value >> 13, level = value & 0x1fff;
  return kind == 0 ? level == 0 : kind <= 3 && level < 8;
}

Result<> check_restrictions(const Restrictions& allowed, const Sqe& sqe) {
  const bool is_allowed = (allowed.operations >> static_cast<unsigned>(sqe.opcode) & 1) != 0 &&
                          (sqe.flags & allowed.flags_required) == allowed.flags_required &&
                          (sqe.flags & ~(allowed.flags_allowed | allowed.flags_required)) == 0;
  return is_allowed ? Result<>{} : fail(Errno::eacces);
}

Result<> check_all(Context& context, const Sqe& sqe) {
  if (static_cast<unsigned>(sqe.opcode) >= abi::uring::op_count) return fail(Errno::einval);
  if ((sqe.flags & 0x80) != 0) return fail(Errno::einval);
  const Traits traits = traits_of(sqe.opcode);
  if (selects_buffer(sqe) && !traits.selects_buffer) return fail(Errno::enotsup);
  if ((sqe.flags & abi::uring::sqe_cqe_skip_success) != 0) context.skips_completions = true;
  if ((sqe.flags & abi::uring::sqe_io_drain) != 0 && context.skips_completions)
    return fail(Errno::enotsup);
  if (context.restrictions) {
    if (auto allowed = check_restrictions(*context.restrictions, sqe); !allowed) return allowed;
  }
  if (sqe.ioprio != 0 && !traits.takes_ioprio) return fail(Errno::einval);
  if (context.polls_files() && !may_poll_files(sqe.opcode)) return fail(Errno::einval);
  const bool is_transfer = is_read(sqe.opcode) || is_write(sqe.opcode);
  if (is_transfer && !is_io_priority(sqe.ioprio)) return fail(Errno::einval);
  if (sqe.personality != 0 && sqe.opcode != Op::msg_ring) {
    const bool is_registered =
        sqe.personality <= 64 && (context.personalities >> (sqe.personality - 1) & 1) != 0;
    if (!is_registered) return fail(Errno::einval);
  }
  if (!traits.is_known) return fail(Errno::enotsup);
  return check_fields(context, sqe);
}

}  // namespace

std::int32_t check(Context& context, const Sqe& sqe) {
  const auto valid = check_all(context, sqe);
  return valid ? 0 : failed(valid.error());
}

bool is_supported(unsigned operation) {
  return operation < abi::uring::op_count && traits_of(static_cast<Op>(operation)).is_known;
}

}  // namespace kernel::uring
