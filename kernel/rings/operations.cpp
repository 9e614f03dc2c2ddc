#include "rings/operations.h"

#include <abi/flags.h>

#include "syscalls/calls.h"
#include "syscalls/files.h"
#include "syscalls/futex.h"
#include "syscalls/sleep.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace {

using abi::RingOperation;
using abi::RingSubmission;

bool is_at_place(const RingSubmission& entry) {
  return entry.offset != abi::ring_current_place;
}
std::int64_t place(const RingSubmission& entry) {
  return static_cast<std::int64_t>(entry.offset);
}
UserSpan<std::byte> buffer(const RingSubmission& entry) {
  return {entry.address, entry.length};
}
UserSpan<const std::byte> bytes(const RingSubmission& entry) {
  return {entry.address, entry.length};
}
bool is_over(const RingSubmission& timeout) {
  if ((timeout.options & abi::ring_absolute) == 0) return timeout.offset == 0;
  return deadline_of(timeout) <= async::now();
}
int futex_call(int command, const RingSubmission& entry) {
  return command | static_cast<int>(entry.options & abi::futex_private_flag);
}
std::uint32_t value_expected(const RingSubmission& entry) {
  return static_cast<std::uint32_t>(entry.offset);
}
std::uint32_t futex_bits(const RingSubmission& entry) {
  return entry.length != 0 ? entry.length : ~std::uint32_t{0};
}

Register read(Thread& self, const RingSubmission& entry) {
  if (is_at_place(entry)) {
    return encoded(sys::pread64(self, entry.fd, buffer(entry), place(entry)));
  }
  return encoded(sys::read(self, entry.fd, buffer(entry)));
}

Register write(Thread& self, const RingSubmission& entry) {
  if (is_at_place(entry)) {
    return encoded(sys::pwrite64(self, entry.fd, bytes(entry), place(entry)));
  }
  return encoded(sys::write(self, entry.fd, bytes(entry)));
}

/// The operations that move no bytes. A function of its own, so that the others need no stack.
[[gnu::noinline]] Register answer_otherwise(Thread& self, const RingSubmission& entry) {
  switch (entry.operation) {
    case RingOperation::nop: return 0;
    case RingOperation::poll:
      return encoded(
          sys::poll_until(self, UserPtr<abi::PollFd>{entry.address}, entry.length, async::never));
    case RingOperation::timeout:
      if (is_over(entry)) return 0;
      return encoded(self.wait([&] {
        return sys::Sleeping{self.space(), deadline_of(entry), UserPtr<abi::Timespec>{0}};
      }));
    case RingOperation::futex_wait:
      return encoded(sys::futex(self, entry.address, futex_call(abi::futex_wait_bitset, entry),
                                value_expected(entry), 0, 0, futex_bits(entry)));
    case RingOperation::wait_child:
      return encoded(sys::wait4(self, entry.fd, UserPtr<int>{entry.address},
                                static_cast<int>(entry.options), UserPtr<abi::ResourceUsage>{0}));
    case RingOperation::futex_wake:
      return encoded(sys::futex(self, entry.address, futex_call(abi::futex_wake, entry),
                                entry.length, 0, 0, 0));
    case RingOperation::openat:
      return encoded(sys::openat(self, entry.fd, UserPtr<const char>{entry.address},
                                 static_cast<int>(entry.options), entry.length));
    case RingOperation::close: return encoded(sys::close(self, entry.fd));
    default: return encoded(Result<>{fail(Errno::einval)});
  }
}

}  // namespace

Register answer_operation(Thread& self, const RingSubmission& entry) {
  switch (entry.operation) {
    case RingOperation::read: return read(self, entry);
    case RingOperation::write: return write(self, entry);
    default: return answer_otherwise(self, entry);
  }
}

void begin_time(RingSubmission& entry) {
  const bool tells_time =
      entry.operation == RingOperation::timeout || entry.operation == RingOperation::link_timeout;
  if (!tells_time || (entry.options & abi::ring_absolute) != 0) return;
  const auto length = std::min(entry.offset, std::uint64_t{INT64_MAX});
  const auto deadline = after(async::Duration{static_cast<std::int64_t>(length)});
  entry.offset = static_cast<std::uint64_t>(deadline.time_since_epoch().count());
  entry.options |= abi::ring_absolute;
}

async::Instant deadline_of(const RingSubmission& entry) {
  const auto point = std::min(entry.offset, std::uint64_t{INT64_MAX});
  return async::Instant{async::Duration{static_cast<std::int64_t>(point)}};
}

bool has_done_all(const RingSubmission& entry, std::int32_t answer) {
  return moves_bytes(entry) ? answer >= 0 && static_cast<std::uint32_t>(answer) == entry.length
                            : answer >= 0;
}

}  // namespace kernel
