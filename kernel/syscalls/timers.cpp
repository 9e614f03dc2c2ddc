// Timers that send signals: setitimer, and those of timer_create.
#include <abi/flags.h>

#include <algorithm>

#include "process/queued_signals.h"
#include "process/thread.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;
using Setting = SignalTimer::Setting;

Result<async::Duration> from_timeval(const abi::Timeval& time) {
  constexpr std::int64_t most_microseconds = 999'999;
  if (time.microseconds < 0 || time.microseconds > most_microseconds) return fail(Errno::einval);
  return to_duration({.seconds = time.seconds, .nanoseconds = time.microseconds * 1000});
}

abi::IntervalSetting shown(const Setting& setting) {
  return {.interval = to_timeval(setting.interval), .left = to_timeval(setting.left)};
}

Result<SignalTimer*> interval_timer(Thread& self, int which) {
  if (which < 0 || which >= static_cast<int>(SignalTimers::interval_timers))
    return fail(Errno::einval);
  const auto timers = self.process().make_signal_timers();
  if (!timers) return fail(timers.error());
  return (*timers)->interval_timer(static_cast<unsigned>(which));
}

/// EINVAL: there is no such timer.
Result<SignalTimer*> created_timer(Thread& self, int id) {
  SignalTimers* const timers = self.process().signal_timers();
  SignalTimer* const timer = timers != nullptr ? timers->find(id) : nullptr;
  if (timer == nullptr) return fail(Errno::einval);
  return timer;
}

/// The clock of a timer, and its owner: see SignalTimer.
struct ClockOfTimer {
  SignalTimer::Clock kind;
  int owner = 0;
};
/// EINVAL: there is no such clock, or no timer can use it. C libraries name CPU clocks by negative
/// numbers (read_cpu_clock() in time.cpp).
Result<ClockOfTimer> clock_for_timer(Thread& self, int clock) {
  using Clock = SignalTimer::Clock;
  constexpr int kind_bits = 3, kind = 3, of_thread = 4;
  switch (clock) {
    case abi::clock_realtime: return ClockOfTimer{Clock::wall};
    case abi::clock_monotonic:
    case abi::clock_boottime: return ClockOfTimer{Clock::time};
    case abi::clock_process_cputime_id: return ClockOfTimer{Clock::cpu};
    case abi::clock_thread_cputime_id: return ClockOfTimer{Clock::thread, self.id()};
    default: break;
  }
  if (clock >= 0 || (clock & kind) == kind) return fail(Errno::einval);
  const int id = ~(clock >> kind_bits);
  if ((clock & of_thread) != 0) {
    Thread* const thread = id == 0 ? &self : threads().find(id);
    if (thread == nullptr || &thread->process() != &self.process()) return fail(Errno::einval);
    return ClockOfTimer{Clock::thread, thread->id()};
  }
  if (id == 0 || id == self.process().id()) return ClockOfTimer{Clock::cpu};
  if (processes().find(id) == nullptr) return fail(Errno::einval);
  return ClockOfTimer{Clock::process, id};
}

}  // namespace

/// flags: ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF; EINVAL for others
/// linux: none known
Result<> getitimer(Thread& self, int which, UserPtr<abi::IntervalSetting> out) {
  const auto timer = interval_timer(self, which);
  if (!timer) return fail(timer.error());
  return out.write(self.space(), shown((*timer)->setting()));
}

/// flags: ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF; EINVAL for others
/// linux: ITIMER_VIRTUAL counts the time in system calls, too. The signals of ITIMER_VIRTUAL and
///   ITIMER_PROF come up to 10 ms late.
Result<> setitimer(Thread& self, int which, UserPtr<const abi::IntervalSetting> wanted,
                   UserPtr<abi::IntervalSetting> old) {
  Setting setting;
  if (wanted) {
    const auto given = wanted.read(self.space());
    if (!given) return fail(given.error());
    const auto left = from_timeval(given->left), interval = from_timeval(given->interval);
    if (!left || !interval) return fail(Errno::einval);
    setting = {.left = *left, .interval = *interval};
  }
  const auto timer = interval_timer(self, which);
  if (!timer) return fail(timer.error());
  Result<> written{};
  if (old) written = old.write(self.space(), shown((*timer)->setting()));
  if (blocks(written)) return written;
  (*timer)->set(setting);
  return written;
}

/// flags: CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID,
///   CLOCK_THREAD_CPUTIME_ID, and the clocks of processes and threads; EINVAL for others
/// linux: The alarm clocks and CLOCK_TAI fail with EINVAL. Signals of CPU clocks come up to 10 ms
///   late. A process has at most 1,024 timers; more fail with EAGAIN.
Result<> timer_create(Thread& self, int clock, UserPtr<const abi::SignalEvent> event,
                      UserPtr<int> id) {
  const auto kind = clock_for_timer(self, clock);
  if (!kind) return fail(kind.error());
  abi::SignalInfo info{.signal = static_cast<int>(abi::Signal::sigalrm), .code = abi::si_timer};
  auto target = SignalTimer::Target::process;
  int thread = 0;
  if (event) {
    const auto given = event.read(self.space());
    if (!given) return fail(given.error());
    switch (given->notify) {
      case abi::sigev_signal:
      case abi::sigev_thread: break;
      case abi::sigev_none: target = SignalTimer::Target::none; break;
      case abi::sigev_thread_id: {
        Thread* const found = threads().find(given->thread);
        if (found == nullptr || &found->process() != &self.process()) return fail(Errno::einval);
        target = SignalTimer::Target::thread;
        thread = given->thread;
        break;
      }
      default: return fail(Errno::einval);
    }
    if (target != SignalTimer::Target::none && !valid_signal(given->signal)) {
      return fail(Errno::einval);
    }
    info.signal = given->signal;
    info.timer.value = given->value;
  }
  if (has_queued_most(self.process())) return fail(Errno::eagain);
  const auto timers = self.process().make_signal_timers();
  if (!timers) return fail(timers.error());
  const auto timer =
      (*timers)->create(kind->kind, target, info, thread, static_cast<bool>(event), kind->owner);
  if (!timer) return fail(timer.error());
  const auto written = id.write(self.space(), (*timer)->id());
  if (!written) (*timers)->remove(**timer);
  return written;
}

/// flags: TIMER_ABSTIME; others have no effect
/// linux: none known
Result<> timer_settime(Thread& self, int id, int flags, UserPtr<const abi::TimerSetting> wanted,
                       UserPtr<abi::TimerSetting> old) {
  const auto given = wanted.read(self.space());
  if (!given)
    return fail(given.error() == Errno::efault && !wanted ? Errno::einval : given.error());
  const auto left = to_duration(given->left), interval = to_duration(given->interval);
  if (!left || !interval) return fail(Errno::einval);
  const auto timer = created_timer(self, id);
  if (!timer) return fail(timer.error());
  Setting setting{.left = *left, .interval = *interval};
  const bool is_absolute = (flags & abi::timer_abstime) != 0;
  if (is_absolute && setting.left != async::Duration::zero()) {
    setting.left = std::max(setting.left - (*timer)->shown_time(), async::Duration{1});
  }
  Result<> written{};
  if (old) {
    const Setting before = (*timer)->setting();
    written = old.write(
        self.space(), {.interval = to_timespec(before.interval), .left = to_timespec(before.left)});
  }
  if (blocks(written)) return written;
  (*timer)->set(setting, is_absolute);
  return written;
}

/// linux: none known
Result<> timer_gettime(Thread& self, int id, UserPtr<abi::TimerSetting> out) {
  const auto timer = created_timer(self, id);
  if (!timer) return fail(timer.error());
  const Setting setting = (*timer)->setting();
  return out.write(self.space(),
                   {.interval = to_timespec(setting.interval), .left = to_timespec(setting.left)});
}

/// linux: none known
Result<int> timer_getoverrun(Thread& self, int id) {
  const auto timer = created_timer(self, id);
  if (!timer) return fail(timer.error());
  return (*timer)->overrun();
}

/// linux: none known
Result<> timer_delete(Thread& self, int id) {
  const auto timer = created_timer(self, id);
  if (!timer) return fail(timer.error());
  self.process().signal_timers()->remove(**timer);
  return {};
}

}  // namespace sys

KERNEL_CALL(getitimer, sys::getitimer);
KERNEL_CALL(setitimer, sys::setitimer);
KERNEL_CALL(timer_create, sys::timer_create);
KERNEL_CALL(timer_settime, sys::timer_settime);
KERNEL_CALL(timer_gettime, sys::timer_gettime);
KERNEL_CALL(timer_getoverrun, sys::timer_getoverrun);
KERNEL_CALL(timer_delete, sys::timer_delete);

}  // namespace kernel
