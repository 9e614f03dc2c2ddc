#include "rings/operations.h"

#include <abi/flags.h>

#include "syscalls/calls.h"
#include "syscalls/files.h"
#include "syscalls/futex.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace {

using abi::RingOperation;
using abi::RingSubmission;

template <class Value>
Register answer(const Value& value) {
  return trap::ToRegister<Value>::encode(value);
}

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

}  // namespace

Register try_operation(Thread& thread, const RingSubmission& entry) {
  switch (entry.operation) {
    case RingOperation::nop: return 0;
    case RingOperation::read:
      if (is_at_place(entry)) {
        return answer(sys::try_pread64(thread, entry.fd, buffer(entry), place(entry)));
      }
      return answer(sys::try_read(thread, entry.fd, buffer(entry)));
    case RingOperation::write:
      if (is_at_place(entry)) {
        return answer(sys::try_pwrite64(thread, entry.fd, bytes(entry), place(entry)));
      }
      return answer(sys::try_write(thread, entry.fd, bytes(entry)));
    case RingOperation::poll:
      return answer(sys::try_poll_until(thread, UserPtr<abi::PollFd>{entry.address}, entry.length,
                                        async::never));
    case RingOperation::timeout: return is_over(entry) ? Register{0} : trap::would_block;
    case RingOperation::futex_wait:
      return answer(sys::try_futex(thread, entry.address, futex_call(abi::futex_wait_bitset, entry),
                                   value_expected(entry), 0, 0, futex_bits(entry)));
    case RingOperation::wait_child: return trap::would_block;
    case RingOperation::futex_wake:
      return answer(sys::try_futex(thread, entry.address, futex_call(abi::futex_wake, entry),
                                   entry.length, 0, 0, 0));
    case RingOperation::openat:
      return answer(sys::openat(thread, entry.fd, UserPtr<const char>{entry.address},
                                static_cast<int>(entry.options), entry.length));
    case RingOperation::close: return answer(sys::close(thread, entry.fd));
    default: return answer(Result<>{fail(Errno::einval)});
  }
}

trap::WaitingCall wait_operation(Thread& thread, const RingSubmission& entry) {
  using trap::WaitingCall;
  switch (entry.operation) {
    case RingOperation::read:
      if (is_at_place(entry)) {
        return WaitingCall{sys::pread64(thread, entry.fd, buffer(entry), place(entry))};
      }
      return sys::read(thread, entry.fd, buffer(entry));
    case RingOperation::write:
      if (is_at_place(entry)) {
        return WaitingCall{sys::pwrite64(thread, entry.fd, bytes(entry), place(entry))};
      }
      return WaitingCall{sys::write(thread, entry.fd, bytes(entry))};
    case RingOperation::poll:
      return WaitingCall{
          sys::poll_until(thread, UserPtr<abi::PollFd>{entry.address}, entry.length, async::never)};
    case RingOperation::futex_wait:
      return sys::futex(thread, entry.address, futex_call(abi::futex_wait_bitset, entry),
                        value_expected(entry), 0, 0, futex_bits(entry));
    case RingOperation::wait_child:
      return WaitingCall{sys::wait4(thread, entry.fd, UserPtr<int>{entry.address},
                                    static_cast<int>(entry.options),
                                    UserPtr<abi::ResourceUsage>{0})};
    default:  // timeout; the other operations never block
      return WaitingCall{sys::sleep_until(thread, deadline_of(entry), UserPtr<abi::Timespec>{0})};
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
