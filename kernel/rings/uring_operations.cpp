// The operations of io_uring: they call the functions of the system calls with a submission's
// fields in place of registers.
#include <abi/events.h>
#include <abi/flags.h>
#include <abi/socket.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/machine_facts.h"
#include "files/socket.h"
#include "memory/user_memory.h"
#include "process/page_in.h"
#include "process/steps.h"
#include "rings/uring.h"
#include "syscalls/calls.h"
#include "syscalls/event_files.h"
#include "syscalls/files.h"
#include "syscalls/futex.h"
#include "syscalls/submitted_calls.h"
#include "syscalls/timespec.h"

namespace kernel::uring {

using abi::uring::Op;

namespace {

Register error(Errno number) {
  return encoded(Result<>{fail(number)});
}

// ── Fields of an operation ───────────────────────────────────────────────────────────────────────

struct Traits {
  bool is_known = true;
  bool has_file = false;        // sqe.fd is a file, which may be a registered one
  bool takes_ioprio = false;    // sqe.ioprio has a meaning
  bool selects_buffer = false;  // IOSQE_BUFFER_SELECT
};

constexpr Traits traits_of(Op operation) {
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
    case sendmsg_zc:
    case futex_waitv: return unknown;
    default: return plain;
  }
}

/// Whether the operation makes a descriptor, which may become a registered file.
bool makes_descriptor(Op operation) {
  return operation == Op::openat || operation == Op::openat2 || operation == Op::accept ||
         operation == Op::socket;
}

bool is_fixed(const Sqe& sqe) {
  return (sqe.flags & abi::uring::sqe_fixed_file) != 0;
}
bool selects_buffer(const Sqe& sqe) {
  return (sqe.flags & abi::uring::sqe_buffer_select) != 0;
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

bool is_read(Op operation) {
  return operation == Op::read || operation == Op::readv || operation == Op::read_fixed ||
         operation == Op::read_multishot;
}
bool is_write(Op operation) {
  return operation == Op::write || operation == Op::writev || operation == Op::write_fixed;
}

// ── Checks before a submission is carried out ────────────────────────────────────────────────────

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

// ── Descriptors ──────────────────────────────────────────────────────────────────────────────────

/// The descriptor of a submission's file for a handler. A registered file has one only while this
/// object exists.
class Descriptor {
 public:
  Descriptor(Context& context, Thread& self, std::int32_t number, bool is_fixed, unsigned slot) {
    if (!is_fixed) {
      fd_ = number;
    } else if (File* const file = context.files.find(number)) {
      lent_.emplace(self.process().files(), slot, *file);
      fd_ = lent_->fd();
    }
  }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
  std::optional<FdTable::Lend> lent_;
};

/// Makes the new descriptor `fd` a registered file. Returns the answer of the operation.
Result<int> install_new(Context& context, Thread& self, int fd, std::int32_t slot) {
  FdTable& table = self.process().files();
  auto file = table.share(fd);
  (void)table.close(fd);
  if (!file) return fail(file.error());
  return context.install(std::move(*file), slot);
}

/// Whether a completion has a result that is no error.
bool is_value(Register answer) {
  return static_cast<std::int32_t>(answer) >= 0;
}

// ── Waiting for files ────────────────────────────────────────────────────────────────────────────

/// Watches a file, and the changes of a request, in one wait. A wake after the constructor is not
/// missed.
class FileWait {
 public:
  FileWait(Request& request, File& file, bool reads, bool writes) {
    const sys::AsksFor asks{request.thread()};
    if (async::WaitList* const list = file.changes(Direction::read); reads && list != nullptr)
      wait_.watch(reading_, *list);
    if (async::WaitList* const list = file.changes(Direction::write); writes && list != nullptr)
      wait_.watch(writing_, *list);
    wait_.watch(changing_, request.changed);
  }
  /// False: the job was cancelled, or a deadline has passed.
  auto wait() { return wait_.until(async::never, "io_uring"); }

 private:
  async::Observer reading_, writing_, changing_;
  async::MultiWait wait_;
};

constexpr short always_reported = abi::pollerr | abi::pollhup;

short poll_mask(const Sqe& sqe) {
  return static_cast<short>(sqe.op_flags | always_reported);
}

/// Whether a completion may make `file` ready. A multishot poll of it ends at its first completion.
bool may_cause_itself(const Context& context, File& file) {
  return &file == context.eventfd.get() || file.epoll() != nullptr ||
         RingFile::from(&file) != nullptr;
}

/// The events that a poll waits for and that are there.
short poll_once(Request& request, File& file) {
  const sys::AsksFor asks{request.thread()};
  return static_cast<short>(file.readiness() & poll_mask(request.sqe));
}

async::Task<Result<int>> poll_file(Request& request, Ref<File> file) {
  const Sqe& sqe = request.sqe;
  for (;;) {
    const bool reads = (sqe.op_flags & (abi::pollin | abi::pollrdnorm | abi::pollrdhup)) != 0;
    const bool writes = (sqe.op_flags & (abi::pollout | abi::pollwrnorm)) != 0;
    const bool both = !reads && !writes;
    FileWait wait{request, *file, reads || both, writes || both};
    const short ready = poll_once(request, *file);
    if (ready != 0) {
      if (!is_multishot(sqe) || may_cause_itself(request.context, *file)) co_return ready;
      if (!request.context.post_more(request, ready, 0)) co_return ready;
    }
    if (co_await wait.wait() != async::WaitResult::woken) co_return fail(Errno::eintr);
  }
}

Register poll_add(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  File* const file = file_of(context, self, sqe);
  if (file == nullptr) return error(Errno::ebadf);
  if (!is_multishot(sqe)) {
    const auto ready = static_cast<short>(file->readiness() & poll_mask(sqe));
    if (ready != 0) return encoded(Result<int>{ready});
  }
  if (request == nullptr) return trap::would_block;
  return self.wait([&] { return poll_file(*request, Ref<File>::share(*file)); });
}

Result<int> poll_remove(Context& context, const Sqe& sqe) {
  using namespace abi::uring;
  Request* const found = context.find_request(Op::poll_add, sqe.addr);
  if (found == nullptr) return fail(Errno::enoent);
  const bool changes_events = (sqe.len & poll_update_events) != 0;
  const bool changes_data = (sqe.len & poll_update_user_data) != 0;
  if (!changes_events && !changes_data) {
    found->cancel();
    return 0;
  }
  if (changes_events) found->sqe.op_flags = sqe.op_flags;
  if (changes_data) found->change_user_data(sqe.off);
  found->changed.wake_all();
  return 0;
}

// ── Timeouts ─────────────────────────────────────────────────────────────────────────────────────

async::Task<Result<int>> run_timeout(Request& request) {
  const bool repeats = (request.sqe.op_flags & abi::uring::timeout_multishot) != 0;
  const std::uint64_t count = request.sqe.off;
  for (std::uint64_t round = 1;; ++round) {
    const bool is_reached =
        !repeats && count != 0 && request.context.posted() - request.began_at >= count;
    if (is_reached) co_return 0;
    const auto woken = co_await request.changed.wait_until(request.due, "io_uring timeout");
    if (woken == async::WaitResult::woken) {
      --round;
      continue;
    }
    if (woken == async::WaitResult::cancelled) co_return fail(Errno::eintr);
    const bool is_last = !repeats || round == count;
    if (is_last || !request.context.post_more(request, failed(Errno::etime), 0))
      co_return fail(Errno::etime);
    request.due += request.interval;
  }
}

/// A timeout counts completions as long as this object exists.
async::Task<Result<int>> run_counted_timeout(Request& request) {
  const Context::CountsCompletions counts{request};
  co_return co_await run_timeout(request);
}

Result<int> timeout_remove(Context& context, Thread& self, const Sqe& sqe) {
  using namespace abi::uring;
  const bool is_link = (sqe.op_flags & link_timeout_update) != 0;
  Request* const found = context.find_request(is_link ? Op::link_timeout : Op::timeout, sqe.addr);
  if (!is_link && (sqe.op_flags & timeout_update) == 0) {
    if (found == nullptr) return fail(Errno::enoent);
    found->cancel();
    return 0;
  }
  const auto time = read_duration(self, sqe.off);
  if (!time) return fail(time.error());
  if (*time < async::Duration::zero()) return fail(Errno::einval);
  if (found == nullptr) return fail(Errno::enoent);
  found->interval = *time;
  found->set_due(deadline_for(*time, sqe.op_flags));
  return 0;
}

// ── Cancelling ───────────────────────────────────────────────────────────────────────────────────

Register async_cancel(Context& context, Thread& self, const Sqe& sqe, const Request* request) {
  const File* file = nullptr;
  if ((sqe.op_flags & abi::uring::cancel_fd) != 0) {
    const bool is_fixed = (sqe.op_flags & abi::uring::cancel_fd_fixed) != 0;
    file = is_fixed ? context.files.find(sqe.fd) : self.process().files().find(sqe.fd);
    if (file == nullptr) return error(Errno::ebadf);
  }
  const CancelQuery query{.user_data = sqe.addr,
                          .file = file,
                          .flags = sqe.op_flags,
                          .operation = static_cast<Op>(sqe.len),
                          .except = request};
  if (!is_long(context, query)) return encoded(cancel_matching(context, query));
  if (request == nullptr) return trap::would_block;
  return self.wait([&] { return cancel_in_steps(Ref<Context>::share(context), self, query); });
}

// ── Reads and writes ─────────────────────────────────────────────────────────────────────────────

constexpr std::uint64_t current_place = ~std::uint64_t{0};

UserSpan<std::byte> room(const Sqe& sqe) {
  return {sqe.addr, sqe.len};
}
UserPtr<const abi::IoVector> parts(const Sqe& sqe) {
  return UserPtr<const abi::IoVector>{sqe.addr};
}

/// Whether a transfer of the file ignores the offset, because the file is a stream without
/// positions.
bool ignores_offset(Thread& self, int fd, std::uint64_t offset) {
  if (offset == current_place) return true;
  File* const file = self.process().files().find(fd);
  return file != nullptr && (file->node() == nullptr || file->pipe() != nullptr);
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
  const auto flags = static_cast<int>(sqe.op_flags);
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

bool never_waits(const Sqe& sqe);

/// The cost of one repetition of a multishot operation, in bytes (steps.h).
constexpr std::size_t repeat_cost = 2048;

/// Reads into buffers of a group. It takes a buffer only when bytes are there.
async::Task<Result<int>> receive_selected(Request& request, Thread& self) {
  Context& context = request.context;
  Sqe& sqe = request.sqe;
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  if (sqe.opcode == Op::readv || sqe.opcode == Op::recvmsg) {
    auto length = length_of_part(self, sqe);
    while (!length && length.error() == Errno::would_block) {
      if (auto read = co_await page_in_missed(space); !read) co_return fail(read.error());
      if (async::is_cancelled()) co_return fail(Errno::eintr);
      length = length_of_part(self, sqe);
    }
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
    const auto picked = group != nullptr ? group->peek(self.space()) : fail(Errno::enobufs);
    FileWait wait{request, *file, true, false};
    Register answer = trap::would_block;
    bool is_last = false;
    if (picked) {
      const trap::SyscallCaller::Elsewhere nowhere{self, nullptr};
      const sys::AsksFor asks{self};
      const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
      answer = receive_into(self, fd.fd(), sqe, *picked, is_last);
    } else if (picked.error() != Errno::would_block) {
      co_return fail(picked.error());
    }
    if (answer == trap::would_block && picked && file->waits_for_device()) {
      group->take();
      request.cqe_flags = abi::uring::cqe_buffer | std::uint32_t{picked->id}
                                                       << abi::uring::cqe_buffer_shift;
      answer = co_await make_syscall(self, [&] {
        const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
        return receive_into(self, fd.fd(), sqe, *picked, is_last);
      });
      co_return static_cast<int>(answer);
    }
    const bool is_idle = answer == error(Errno::eagain) && !never_waits(sqe);
    if (answer == trap::would_block || is_idle) {
      if (space->missed_page()) {
        if (auto read = co_await page_in_missed(space); !read) co_return fail(read.error());
        if (async::is_cancelled()) co_return fail(Errno::eintr);
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
      flags = abi::uring::cqe_buffer | std::uint32_t{picked->id} << abi::uring::cqe_buffer_shift;
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

// ── Connections ──────────────────────────────────────────────────────────────────────────────────

/// Calls `make()`, a handler, until it has a result. A new descriptor becomes a registered file.
template <class Make>
async::Task<Result<int>> make_direct(Request& request, Thread& self, Make make) {
  const Sqe& sqe = request.sqe;
  File* const found = file_of(request.context, self, sqe);
  const auto listener = found != nullptr ? Ref<File>::share(*found) : Ref<File>{};
  for (;;) {
    std::optional<FileWait> wait;
    if (listener && listener->is_nonblocking()) wait.emplace(request, *listener, true, false);
    const Register answer = co_await make_syscall(self, make);
    if (answer == error(Errno::eagain) && wait && !never_waits(sqe)) {
      if (co_await wait->wait() != async::WaitResult::woken) co_return fail(Errno::eintr);
      continue;
    }
    const auto result = static_cast<std::int32_t>(answer);
    if (result < 0) co_return result;
    co_return install_new(request.context, self, result, sqe.file_index);
  }
}

async::Task<Result<int>> accept_all(Request& request, Thread& self) {
  const Sqe& sqe = request.sqe;
  File* const found = file_of(request.context, self, sqe);
  if (found == nullptr) co_return fail(Errno::ebadf);
  const auto file = Ref<File>::share(*found);
  std::size_t cost = 0;
  for (;;) {
    FileWait wait{request, *file, true, false};
    const Register answer = co_await make_syscall(self, [&] {
      const Descriptor fd{request.context, self, sqe.fd, is_fixed(sqe), 0};
      return encoded(sys::accept4(self, fd.fd(), sqe.addr, UserPtr<int>{sqe.off},
                                  static_cast<int>(sqe.op_flags)));
    });
    if (answer == error(Errno::eagain) && !never_waits(sqe)) {
      if (co_await wait.wait() != async::WaitResult::woken) co_return fail(Errno::eintr);
      continue;
    }
    auto result = static_cast<std::int32_t>(answer);
    if (result >= 0 && sqe.file_index != 0) {
      const auto slot = install_new(request.context, self, result, sqe.file_index);
      result = slot ? *slot : failed(slot.error());
    }
    if (result < 0 || !request.context.post_more(request, result, 0)) co_return result;
    cost += repeat_cost;
    if (cost >= sys::step_bytes) {
      cost = 0;
      co_await sys::cond_resched(self);
    }
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
}

// ── Other operations ─────────────────────────────────────────────────────────────────────────────

Result<int> close_file(Context& context, Thread& self, const Sqe& sqe) {
  if (sqe.file_index != 0) {
    const auto index = static_cast<std::uint32_t>(sqe.file_index) - 1;
    if (!context.files.exists()) return fail(Errno::enxio);
    if (index >= context.files.count()) return fail(Errno::einval);
    if (!context.files[index].file) return fail(Errno::ebadf);
    context.drop_file(context.files[index]);
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
  const int command = abi::futex_wait_bitset | (sqe.fd & abi::futex_private_flag);
  return encoded(sys::futex(self, sqe.addr, command, static_cast<std::uint32_t>(sqe.off), 0, 0,
                            static_cast<std::uint32_t>(sqe.addr3)));
}
Register futex_wake(Thread& self, const Sqe& sqe) {
  const int command = abi::futex_wake_bitset | (sqe.fd & abi::futex_private_flag);
  return encoded(sys::futex(self, sqe.addr, command, static_cast<std::uint32_t>(sqe.off), 0, 0,
                            static_cast<std::uint32_t>(sqe.addr3)));
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

Register open_file(Thread& self, const Sqe& sqe) {
  const UserPtr<const char> path{sqe.addr};
  if (sqe.opcode == Op::openat2)
    return encoded(sys::openat2(self, sqe.fd, path, UserPtr<const abi::OpenHow>{sqe.off}, sqe.len));
  return encoded(sys::openat(self, sqe.fd, path, static_cast<int>(sqe.op_flags), sqe.len));
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
    case Op::files_update: return encoded(update_files_submitted(context, self, sqe));
    case Op::provide_buffers: return encoded(provide_buffers(context, sqe));
    case Op::remove_buffers: return encoded(remove_buffers(context, sqe));
    case Op::poll_remove: return encoded(poll_remove(context, sqe));
    case Op::timeout_remove: return encoded(timeout_remove(context, self, sqe));
    case Op::async_cancel: return async_cancel(context, self, sqe, request);
    case Op::msg_ring: return encoded(send_message(context, self, sqe));
    case Op::fixed_fd_install: return encoded(fixed_fd_install(context, self, sqe));
    case Op::futex_wait: return futex_wait(self, sqe);
    case Op::futex_wake: return futex_wake(self, sqe);
    case Op::waitid:
      if (request == nullptr) return trap::would_block;
      return self.wait([&] {
        return sys::waitid(self, static_cast<int>(sqe.len), sqe.fd, sqe.off, sqe.file_index,
                           UserPtr<abi::ResourceUsage>{0});
      });
    default: return error(Errno::einval);
  }
}

/// Operations that make a descriptor or a registered file.
Register answer_with_descriptor(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  if (is_multishot(sqe)) {
    if (request == nullptr) return trap::would_block;
    return self.wait([&] { return accept_all(*request, self); });
  }
  const auto make = [&context, &self, &sqe] {
    if (sqe.opcode == Op::socket)
      return encoded(
          sys::socket(self, sqe.fd, static_cast<int>(sqe.off), static_cast<int>(sqe.len)));
    if (sqe.opcode != Op::accept) return open_file(self, sqe);
    const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
    return encoded(sys::accept4(self, fd.fd(), sqe.addr, UserPtr<int>{sqe.off},
                                static_cast<int>(sqe.op_flags)));
  };
  if (sqe.file_index == 0) return make();
  if (request != nullptr) return self.wait([&] { return make_direct(*request, self, make); });
  const Register answer = make();
  if (answer == trap::would_block || !is_value(answer)) return answer;
  return encoded(install_new(context, self, static_cast<int>(answer), sqe.file_index));
}

Register answer_transfer(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  if (context.polls_files()) {
    const File* const file = file_of(context, self, sqe);
    const bool may =
        file != nullptr && (is_read(sqe.opcode) ? file->can_read() : file->can_write());
    return error(may ? Errno::enotsup : Errno::ebadf);
  }
  if (selects_buffer(sqe)) {
    if (request == nullptr) return trap::would_block;
    return self.wait([&] { return receive_selected(*request, self); });
  }
  if (sqe.opcode == Op::read_fixed || sqe.opcode == Op::write_fixed) {
    const auto valid = context.buffers.check(sqe.buf_index, sqe.addr, sqe.len);
    if (!valid) return encoded(valid);
  }
  const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
  if (sqe.op_flags != 0) return encoded(move_with_flags(self, fd.fd(), sqe));
  return encoded(move(self, fd.fd(), sqe));
}

// ── Files with O_NONBLOCK ──

Register answer_once(Context& context, Thread& self, const Sqe& sqe, Request* request);

/// The direction in which an operation waits for its file; nothing: it does not wait for a file.
std::optional<Direction> direction_of(Op operation) {
  if (is_read(operation) || operation == Op::recv || operation == Op::recvmsg ||
      operation == Op::accept)
    return Direction::read;
  if (is_write(operation) || operation == Op::send || operation == Op::sendmsg ||
      operation == Op::connect)
    return Direction::write;
  return {};
}

/// Whether the submission itself says that it must not wait.
bool never_waits(const Sqe& sqe) {
  constexpr std::uint32_t no_wait = 8;  // RWF_NOWAIT
  if (is_read(sqe.opcode) || is_write(sqe.opcode)) return (sqe.op_flags & no_wait) != 0;
  if (sqe.opcode == Op::accept) return (sqe.ioprio & abi::uring::accept_dontwait) != 0;
  return (sqe.op_flags & abi::msg_dontwait) != 0;
}

/// Whether an answer of a file with O_NONBLOCK means that the operation waits. `has_begun`: of a
/// CONNECT, whether this request has begun to connect.
bool waits_for_file(const Sqe& sqe, Register answer, bool has_begun) {
  if (sqe.opcode != Op::connect) return answer == error(Errno::eagain);
  return answer == error(Errno::einprogress) || (has_begun && answer == error(Errno::ealready));
}

/// Makes an operation again and again, as soon as its file may be ready.
async::Task<Result<int>> wait_and_retry(Request& request, Thread& self, Ref<File> file) {
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  const bool reads = direction_of(request.sqe.opcode) == Direction::read;
  bool has_begun = false;
  for (;;) {
    FileWait wait{request, *file, reads, !reads};
    Register answer = trap::would_block;
    {
      const trap::SyscallCaller::Elsewhere nowhere{self, nullptr};
      const sys::AsksFor asks{self};
      answer = answer_once(request.context, self, request.sqe, &request);
    }
    if (answer == trap::would_block && space->missed_page()) {
      if (auto read = co_await page_in_missed(space); !read) co_return fail(read.error());
      if (async::is_cancelled()) co_return fail(Errno::eintr);
      continue;
    }
    if (has_begun && answer == error(Errno::eisconn)) co_return 0;
    if (answer != trap::would_block && !waits_for_file(request.sqe, answer, has_begun))
      co_return static_cast<std::int32_t>(answer);
    has_begun = true;
    if (co_await wait.wait() != async::WaitResult::woken) co_return fail(Errno::eintr);
  }
}

}  // namespace

std::int32_t check(Context& context, const Sqe& sqe) {
  const auto valid = check_all(context, sqe);
  return valid ? 0 : failed(valid.error());
}

Register answer(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  if (request != nullptr && is_read(sqe.opcode) && !selects_buffer(sqe)) {
    // A read of a signalfd needs its reader at each attempt.
    File* const file = file_of(context, self, sqe);
    if (file != nullptr && file->signals() != nullptr)
      return self.wait([&] { return wait_and_retry(*request, self, Ref<File>::share(*file)); });
  }
  const bool connects = sqe.opcode == Op::connect;
  if (!connects) {
    const Register answer = answer_once(context, self, sqe, request);
    if (answer != error(Errno::eagain)) [[likely]]
      return answer;
  }
  // As on Linux, O_NONBLOCK alone does not end the operation. A CONNECT begins in its request, so
  // that this knows whose connection it waits for.
  File* const file = file_of(context, self, sqe);
  const bool waits = file != nullptr && file->is_nonblocking() && file->can_poll() &&
                     !never_waits(sqe) && direction_of(sqe.opcode);
  if (!waits) return connects ? answer_once(context, self, sqe, request) : error(Errno::eagain);
  if (request == nullptr) return trap::would_block;
  return self.wait([&] { return wait_and_retry(*request, self, Ref<File>::share(*file)); });
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
    case Op::timeout:
      if (request == nullptr) return trap::would_block;
      if (sqe.off != 0) return self.wait([&] { return run_counted_timeout(*request); });
      return self.wait([&] { return run_timeout(*request); });
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

bool is_supported(unsigned operation) {
  return operation < abi::uring::op_count && traits_of(static_cast<Op>(operation)).is_known;
}

namespace {

bool cancels_all(const CancelQuery& query) {
  return (query.flags & (abi::uring::cancel_all | abi::uring::cancel_any)) != 0;
}
bool cancels_by_data(const CancelQuery& query) {
  using namespace abi::uring;
  return (query.flags & cancel_user_data) != 0 || (query.flags & (cancel_fd | cancel_op)) == 0;
}
bool is_wanted(const CancelQuery& query, const InFlightRequest& in_flight) {
  using namespace abi::uring;
  const auto& request = static_cast<const Request&>(in_flight);
  if (&request == query.except) return false;
  if ((query.flags & cancel_any) != 0) return true;
  if ((query.flags & cancel_fd) != 0 && request.file != query.file) return false;
  if ((query.flags & cancel_op) != 0 && request.sqe.opcode != query.operation) return false;
  return !cancels_by_data(query) || request.user_data() == query.user_data;
}
Result<int> cancelled(const CancelQuery& query, std::uint32_t count) {
  if (cancels_all(query)) return static_cast<int>(count);
  return count != 0 ? Result<int>{0} : fail(Errno::enoent);
}

constexpr std::uint32_t most_visited = 512;  // requests, in one step

}  // namespace

Result<int> cancel_matching(Context& context, const CancelQuery& query) {
  const bool all = cancels_all(query);
  const bool only_by_data = cancels_by_data(query) && (query.flags & abi::uring::cancel_any) == 0;
  const auto matches = [&](const InFlightRequest& request) { return is_wanted(query, request); };
  RequestTable& requests = context.requests();
  return cancelled(query, only_by_data ? requests.cancel_of(query.user_data, all, matches)
                                       : requests.cancel(all, matches));
}

bool is_long(Context& context, const CancelQuery& query) {
  const bool looks_up = cancels_by_data(query) && !cancels_all(query);
  return !looks_up && context.requests().count() > most_visited;
}

async::Task<Result<int>> cancel_in_steps(Ref<Context> context, Thread& self, CancelQuery query) {
  RequestTable::Walk walk{context->requests()};
  std::uint32_t count = 0, visited = 0;
  while (InFlightRequest* const request = walk.next()) {
    if (!request->cancelled && is_wanted(query, *request)) {
      request->cancel();
      ++count;
      if (!cancels_all(query)) break;
    }
    if (++visited % most_visited == 0) co_await sys::cond_resched(self);
  }
  co_return cancelled(query, count);
}

File* file_of(Context& context, Thread& self, const Sqe& sqe) {
  if (static_cast<unsigned>(sqe.opcode) >= abi::uring::op_count || !traits_of(sqe.opcode).has_file)
    return nullptr;
  if (is_fixed(sqe)) return context.files.find(sqe.fd);
  return self.process().files().find_open(sqe.fd);
}

}  // namespace kernel::uring
