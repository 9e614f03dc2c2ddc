// The common parts of io_uring's operations: the fields of submissions, descriptors for
// handlers, and waits for files.
//
//   uring_operations.cpp    one submission, by its operation
//   uring_checks.cpp        checks before a submission is carried out
//   uring_waits.cpp         polls, timeouts and cancelling
//   uring_transfers.cpp     reads, writes, and receives into selected buffers
//   uring_descriptors.cpp   operations that make a descriptor or a registered file
#pragma once

#include <async/multi_wait.h>

#include <optional>

#include "memory/user_memory.h"
#include "process/asks_for.h"
#include "rings/uring.h"
#include "syscalls/files.h"

namespace kernel::uring {

using abi::uring::Op;

inline Register error(Errno number) {
  return encoded(fail(number));
}

// ── Fields of an operation ──

struct Traits {
  bool is_known = true;
  bool has_file = false;        // sqe.fd is a file, which may be a registered one
  bool takes_ioprio = false;    // sqe.ioprio has a meaning
  bool selects_buffer = false;  // IOSQE_BUFFER_SELECT
};

/// `operation` is one of Op.
Traits traits_of(Op operation);

/// Whether the operation makes a descriptor, which may become a registered file.
inline bool makes_descriptor(Op operation) {
  return operation == Op::openat || operation == Op::openat2 || operation == Op::accept ||
         operation == Op::socket;
}

/// Whether sqe.fd is the number of a registered file.
inline bool is_fixed(const Sqe& sqe) {
  return (sqe.flags & abi::uring::sqe_fixed_file) != 0;
}
/// Whether the operation takes its buffer from a group.
inline bool selects_buffer(const Sqe& sqe) {
  return (sqe.flags & abi::uring::sqe_buffer_select) != 0;
}
/// Whether the operation may have more than one completion.
bool is_multishot(const Sqe& sqe);

inline bool is_read(Op operation) {
  return operation == Op::read || operation == Op::readv || operation == Op::read_fixed ||
         operation == Op::read_multishot;
}
inline bool is_write(Op operation) {
  return operation == Op::write || operation == Op::writev || operation == Op::write_fixed;
}

/// Whether the submission itself says that it must not wait.
bool never_waits(const Sqe& sqe);
/// The memory of a transfer without vectors.
inline UserSpan<std::byte> room(const Sqe& sqe) {
  return {sqe.addr, sqe.len};
}

/// The offset that means the file's own position.
inline constexpr std::uint64_t current_place = ~std::uint64_t{0};
/// The cost of one repetition of a multishot operation, in bytes (steps.h).
inline constexpr std::size_t repeat_cost = 2048;

// ── Descriptors ──

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

/// Whether a completion has a result that is no error.
inline bool is_value(Register answer) {
  return static_cast<std::int32_t>(answer) >= 0;
}

// ── Waiting for files ──

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

// ── Handlers, as answer() ──

Register poll_add(Context& context, Thread& self, const Sqe& sqe, Request* request);
Result<int> poll_remove(Context& context, const Sqe& sqe);
/// TIMEOUT: waits until the time, or for as many completions as the submission says.
Register wait_for_time(Thread& self, Request* request);
Result<int> timeout_remove(Context& context, Thread& self, const Sqe& sqe);
Register async_cancel(Context& context, Thread& self, const Sqe& sqe, const Request* request);
Register answer_transfer(Context& context, Thread& self, const Sqe& sqe, Request* request);
Register answer_with_descriptor(Context& context, Thread& self, const Sqe& sqe, Request* request);

}  // namespace kernel::uring
