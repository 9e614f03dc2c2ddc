// Time as nanoseconds since boot (CLOCK_MONOTONIC).
#pragma once

#include <chrono>

#include "user/calls.h"

namespace user {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

inline nanoseconds now() {
  abi::Timespec time{};
  syscall(Call::clock_gettime, abi::clock_monotonic, &time);
  return std::chrono::seconds{time.seconds} + nanoseconds{time.nanoseconds};
}

inline abi::Timespec to_timespec(nanoseconds time) {
  return {time.count() / 1'000'000'000, time.count() % 1'000'000'000};
}

inline Result<void> sleep_for(nanoseconds time) {
  const auto length = to_timespec(time);
  return call(Call::clock_nanosleep, abi::clock_monotonic, 0, &length, nullptr);
}

// `deadline` is absolute, so a loop does not drift.
inline Result<void> sleep_until(nanoseconds deadline) {
  const auto time = to_timespec(deadline);
  return call(Call::clock_nanosleep, abi::clock_monotonic, abi::timer_abstime, &time, nullptr);
}

inline double milliseconds(nanoseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}
inline double microseconds(nanoseconds time) {
  return static_cast<double>(time.count()) / 1e3;
}

}  // namespace user
