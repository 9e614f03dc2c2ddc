// Converts between Linux's timespec and timeval, and the executor's times.
#pragma once

#include <abi/types.h>
#include <async/platform.h>
#include <async/time.h>
#include <kernel/result.h>

namespace kernel {

inline constexpr std::int64_t ns_per_second = 1'000'000'000;

constexpr abi::Timespec to_timespec(async::Duration duration) {
  return {.seconds = duration.count() / ns_per_second,
          .nanoseconds = duration.count() % ns_per_second};
}

constexpr abi::Timeval to_timeval(async::Duration duration) {
  const abi::Timespec time = to_timespec(duration);
  return {.seconds = time.seconds, .microseconds = time.nanoseconds / 1000};
}

/// Converts `time`. EINVAL for negative values and for a second or more in nanoseconds. A time
/// beyond 292 years becomes the longest duration.
constexpr Result<async::Duration> to_duration(const abi::Timespec& time) {
  if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= ns_per_second) {
    return fail(Errno::einval);
  }
  if (time.seconds >= async::Duration::max().count() / ns_per_second) {
    return async::Duration::max();
  }
  return async::Duration{time.seconds * ns_per_second + time.nanoseconds};
}

/// The time `duration` from now; async::never if that is too far away.
inline async::Instant after(async::Duration duration) {
  const async::Instant now = async::now();
  return duration >= async::never - now ? async::never : now + duration;
}

}  // namespace kernel
