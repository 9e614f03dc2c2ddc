// Calls that set the wall clock, and the state of its adjustment (adjtimex).
#include <abi/flags.h>
#include <abi/types.h>

#include <algorithm>

#include "base/machine_facts.h"
#include "process/thread.h"
#include "process/vdso.h"
#include "process/wall_clock.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

/// Sets the wall clock to `now`. EPERM; EINVAL: earlier than the time since the start, as on Linux,
/// or too late.
Result<> set_wall_clock(Thread& self, async::Duration now) {
  if (!self.process().has(Capability::sys_time)) return fail(Errno::eperm);
  constexpr std::int64_t room = 30LL * 365 * 24 * 3600 * ns_per_second;  // as on Linux: 30 years
  const async::Duration at_boot = now - async::now().time_since_epoch();
  if (at_boot < async::Duration::zero() || now.count() > INT64_MAX - room)
    return fail(Errno::einval);
  kernel::set_wall_clock(at_boot);
  vdso::note_wall_clock();
  return {};
}

// The modes of adjtimex (linux/timex.h), and its state.
constexpr unsigned adj_offset = 1, adj_frequency = 2, adj_maxerror = 4, adj_esterror = 8,
                   adj_status = 0x10, adj_timeconst = 0x20, adj_tai = 0x80, adj_setoffset = 0x100,
                   adj_micro = 0x1000, adj_nano = 0x2000, adj_tick = 0x4000, adj_single = 0x8000,
                   adj_only_read = 0xa001;
constexpr int sta_unsync = 0x40, sta_clockerr = 0x1000, sta_nano = 0x2000;
constexpr int sta_read_only = 0xff00;
constexpr int time_ok = 0, time_error = 5;
constexpr std::int64_t usual_tick = 10'000, tolerance = 32'768'000, worst_error = 16'000'000;

/// What adjtimex reports of the clock. It has no effect on the clock's rate. In the strand.
struct ClockState {
  int status = sta_unsync;
  std::int64_t maximum_error = worst_error, estimated_error = worst_error, constant = 2;
  int tai = 0;
};
constinit ClockState clock_state;

/// EINVAL: the program wants the clock to run faster or slower.
Result<> adjust_clock(Thread& self, const abi::Timex& wanted) {
  const unsigned modes = wanted.modes;
  const auto has = [modes](unsigned mode) { return (modes & mode) != 0; };
  if (modes == adj_only_read) return {};
  if ((has(adj_offset) && wanted.offset != 0) || (has(adj_frequency) && wanted.frequency != 0) ||
      (has(adj_tick) && wanted.tick != usual_tick))
    return fail(Errno::einval);
  if (has(adj_single)) return {};
  if (has(adj_setoffset)) {
    const std::int64_t scale = has(adj_nano) ? 1 : 1000;
    const std::int64_t part = wanted.time.microseconds;
    if (part < 0 || part >= ns_per_second / scale) return fail(Errno::einval);
    std::int64_t offset = 0, now = 0;
    const std::int64_t before = (async::now().time_since_epoch() + wall_clock_at_boot()).count();
    if (__builtin_mul_overflow(wanted.time.seconds, ns_per_second, &offset) ||
        __builtin_add_overflow(offset, part * scale, &offset) ||
        __builtin_add_overflow(before, offset, &now))
      return fail(Errno::einval);
    if (auto set = set_wall_clock(self, async::Duration{now}); !set) return set;
  }
  ClockState& state = clock_state;
  if (has(adj_status))
    state.status = (state.status & sta_read_only) | (wanted.status & ~sta_read_only);
  if (has(adj_nano)) state.status |= sta_nano;
  if (has(adj_micro)) state.status &= ~sta_nano;
  if (has(adj_maxerror))
    state.maximum_error = std::clamp<std::int64_t>(wanted.maximum_error, 0, worst_error);
  if (has(adj_esterror))
    state.estimated_error = std::clamp<std::int64_t>(wanted.estimated_error, 0, worst_error);
  if (has(adj_timeconst)) {
    constexpr std::int64_t most = 10, unit = 4;
    const std::int64_t added = (state.status & sta_nano) != 0 ? 0 : unit;
    state.constant = std::min(std::clamp<std::int64_t>(wanted.constant, 0, most) + added, most);
  }
  constexpr std::int64_t most_tai = 100'000;
  if (has(adj_tai) && wanted.constant >= 0 && wanted.constant <= most_tai)
    state.tai = static_cast<int>(wanted.constant);
  return {};
}

}  // namespace

/// flags: CLOCK_REALTIME; EPERM for the clocks of processes and threads, EINVAL for others
/// linux: Waits of futexes, message queues and io_uring until a time of the wall clock end as if
///   the clock had not been set.
Result<> clock_settime(Thread& self, int clock, UserPtr<const abi::Timespec> time) {
  const bool is_cpu = clock < 0;  // of a process or thread
  if (clock != abi::clock_realtime && !is_cpu) return fail(Errno::einval);
  const auto given = time.read(self.space());
  if (!given) return fail(given.error());
  if (is_cpu) return fail(Errno::eperm);
  const auto now = to_duration(*given);
  if (!now) return fail(now.error());
  return set_wall_clock(self, *now);
}

/// linux: As `clock_settime`. The time zone has no effect.
Result<> settimeofday(Thread& self, UserPtr<const abi::Timeval> time, std::uintptr_t zone) {
  struct Zone {
    std::int32_t minutes_west, daylight;
  };
  Result<async::Duration> now{};
  if (time) {
    const auto given = time.read(self.space());
    if (!given) return fail(given.error());
    constexpr std::int64_t most_microseconds = 1'000'000;
    if (given->microseconds < 0 || given->microseconds > most_microseconds)
      return fail(Errno::einval);
    now = to_duration({.seconds = given->seconds, .nanoseconds = given->microseconds * 1000});
  }
  constexpr int most_west = 15 * 60;
  Result<Zone> given_zone{};
  if (zone != 0) given_zone = UserPtr<const Zone>{zone}.read(self.space());
  if (!given_zone) return fail(given_zone.error());
  if (!now) return fail(now.error());
  if (!self.process().has(Capability::sys_time)) return fail(Errno::eperm);
  if (given_zone->minutes_west < -most_west || given_zone->minutes_west > most_west)
    return fail(Errno::einval);
  return time ? set_wall_clock(self, *now) : Result<>{};
}

/// flags: in the structure ADJ_SETOFFSET, ADJ_STATUS, ADJ_MAXERROR, ADJ_ESTERROR, ADJ_TIMECONST,
///   ADJ_TAI, ADJ_NANO, ADJ_MICRO
/// linux: The clock always runs at the same rate. ADJ_OFFSET, ADJ_FREQUENCY, ADJ_TICK and adjtime
///   fail with EINVAL if they would change the rate. ADJ_SETOFFSET is as `clock_settime`.
Result<int> adjtimex(Thread& self, UserPtr<abi::Timex> timex) {
  auto given = timex.read(self.space());
  if (!given) return fail(given.error());
  if (given->modes != 0) {
    if (given->modes != adj_only_read && !self.process().has(Capability::sys_time))
      return fail(Errno::eperm);
    if (auto adjusted = adjust_clock(self, *given); !adjusted) return fail(adjusted.error());
  }
  const ClockState& state = clock_state;
  const async::Duration now = async::now().time_since_epoch() + wall_clock_at_boot();
  abi::Timeval time = to_timeval(now);
  if ((state.status & sta_nano) != 0) time.microseconds = now.count() % ns_per_second;
  const abi::Timex answer{.modes = given->modes,
                          .maximum_error = state.maximum_error,
                          .estimated_error = state.estimated_error,
                          .status = state.status,
                          .constant = state.constant,
                          .precision = 1,
                          .tolerance = tolerance,
                          .time = time,
                          .tick = usual_tick,
                          .tai = state.tai};
  if (auto written = timex.write(self.space(), answer); !written) return fail(written.error());
  return (state.status & (sta_unsync | sta_clockerr)) != 0 ? time_error : time_ok;
}

/// flags: CLOCK_REALTIME; ENOTSUP for the other clocks that exist, EINVAL for others
/// linux: As `adjtimex`.
Result<int> clock_adjtime(Thread& self, int clock, UserPtr<abi::Timex> timex) {
  if (clock == abi::clock_realtime) return adjtimex(self, timex);
  constexpr int clocks = 12;
  if (clock >= clocks) return fail(Errno::einval);
  if (auto given = timex.read(self.space()); !given) return fail(given.error());
  return fail(Errno::enotsup);
}

}  // namespace sys

KERNEL_CALL(clock_settime, sys::clock_settime);
KERNEL_CALL(settimeofday, sys::settimeofday);
KERNEL_CALL(adjtimex, sys::adjtimex);
KERNEL_CALL(clock_adjtime, sys::clock_adjtime);

}  // namespace kernel
