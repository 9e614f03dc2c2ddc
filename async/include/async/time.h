// Time is in nanoseconds since boot, as std::chrono types: an `Instant` is a point in time, a
// `Duration` a length of time.
#pragma once

#include <chrono>
#include <cstdint>

namespace async {

struct Clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;  // defined in platform.h: the platform's clock
};

using Duration = Clock::duration;
using Instant = Clock::time_point;

/// A deadline that never comes.
inline constexpr Instant never = Instant::max();

}  // namespace async
