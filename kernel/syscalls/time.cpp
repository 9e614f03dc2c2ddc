#include <abi/flags.h>

#include <algorithm>
#include <coroutine>
#include <optional>

#include "base/machine_facts.h"
#include "process/page_in.h"
#include "process/thread.h"
#include "process/wall_clock.h"
#include "syscalls/calls.h"
#include "syscalls/outside.h"
#include "syscalls/sleep.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

/// The CPU time of a process or thread. A negative clock is the complement of the process's or
/// thread's number, shifted left by three bits, with the kind of clock in these three bits
/// (clock_getcpuclockid(3), pthread_getcpuclockid(3)).
std::optional<async::Duration> read_cpu_clock(Thread& self, int clock) {
  constexpr int kind_bits = 3, kind = 3, of_thread = 4;
  const int id = ~(clock >> kind_bits);
  if ((clock & kind) == kind) return std::nullopt;  // a clock of a device
  if ((clock & of_thread) != 0) {
    Thread* thread = id == 0 ? &self : threads().find(id);
    if (thread == nullptr) return std::nullopt;
    return thread->cpu_time();
  }
  Process* process = id == 0 ? &self.process() : processes().find(id);
  if (process == nullptr) return std::nullopt;
  return process->cpu_time();
}

/// The CPU time of the caller's thread or process, or of those that a negative `clock` names.
Result<async::Duration> read_cpu_time(Thread& self, int clock) {
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  if (clock == abi::clock_process_cputime_id) return self.process().cpu_time();
  if (clock == abi::clock_thread_cputime_id) return self.cpu_time();
  const auto time = read_cpu_clock(self, clock);
  return time ? Result<async::Duration>{*time} : fail(Errno::einval);
}

/// The time of a clock. EINVAL: there is no such clock. would_block: the call must be
/// made in the strand.
Result<async::Duration> read_clock(Thread& self, int clock) {
  const async::Duration since_boot = async::now().time_since_epoch();
  switch (clock) {
    case abi::clock_realtime:
    case abi::clock_realtime_coarse: return since_boot + wall_clock_at_boot();
    case abi::clock_monotonic:
    case abi::clock_monotonic_raw:
    case abi::clock_monotonic_coarse:
    case abi::clock_boottime: return since_boot;
    case abi::clock_process_cputime_id:
    case abi::clock_thread_cputime_id: return read_cpu_time(self, clock);
    default: return clock < 0 ? read_cpu_time(self, clock) : fail(Errno::einval);
  }
}

bool can_sleep_on(int clock) {
  return clock == abi::clock_realtime || clock == abi::clock_monotonic ||
         clock == abi::clock_boottime;
}

}  // namespace

Result<> clock_gettime(Thread& self, int clock, UserPtr<abi::Timespec> time) {
  const auto shown = read_clock(self, clock);
  if (!shown) return fail(shown.error());
  return time.write(self.space(), to_timespec(*shown));
}

Result<> clock_getres(Thread& self, int clock, UserPtr<abi::Timespec> resolution) {
  if (const auto exists = read_clock(self, clock); !exists) return fail(exists.error());
  if (!resolution) return {};
  return resolution.write(self.space(), {.seconds = 0, .nanoseconds = 1});
}

Result<> gettimeofday(Thread& self, UserPtr<abi::Timeval> time, std::uintptr_t) {
  if (!time) return {};
  const async::Duration now = async::now().time_since_epoch() + wall_clock_at_boot();
  return time.write(self.space(), to_timeval(now));
}

Sleeping::Sleeping(memory::AddressSpace& space, async::Instant deadline,
                   UserPtr<abi::Timespec> left)
    : SharingTimer{&end, deadline}, space_{space}, left_{left} {}

bool Sleeping::await_ready() {
  job_ = &async::current_job();
  return job_->refuses_to_wait();
}

void Sleeping::await_suspend(std::coroutine_handle<> sleeper) {
  job_->prepare(nullptr, "sleep");
  if (async::Strand::is_shared()) job_->share_next_step();
  job_->suspend_alone(sleeper);
  arm();
}

async::SharingTimer::Ended Sleeping::end(SharingTimer& timer) noexcept {
  async::Job& job = *static_cast<Sleeping&>(timer).job_;
  if (job.kind != async::Kind::waiting) return {};
  return {&job, async::WaitResult::woken};
}

Result<> Sleeping::await_resume() {
  if (job_ != nullptr && job_->result() == async::WaitResult::woken) return {};
  outside::enter_strand();
  disarm();        // before this, another hart's wheel may call end()
  job_ = nullptr;  // remembers that the sleep was cut short: a page-in changes the job's result
  if (left_) {
    const auto rest = std::max(async::Duration::zero(), deadline() - async::now());
    if (auto written = left_.write(space_, to_timespec(rest)); !written) return written;
  }
  return fail(Errno::eintr);
}

namespace {

/// If the deadline has passed, the call only lets other jobs run. That needs the strand.
std::unexpected<Errno> sleep_until(Thread& self, async::Instant deadline,
                                   UserPtr<abi::Timespec> left) {
  const bool shares = async::Strand::is_shared();
  if (shares && !outside::may_wait_sharing(self)) return fail(Errno::would_block);
  deadline = self.deadline_of_call(deadline);
  const bool is_over = deadline <= async::now();
  if (is_over && shares) return fail(Errno::would_block);
  self.forget_deadline();
  if (is_over) return self.wait(async::yield);
  return self.wait([&] { return Sleeping{self.space(), deadline, left}; });
}

}  // namespace

namespace {

/// Sleeps until a CPU clock shows `until`. EINTR; then `left` gets the rest.
async::Task<Result<>> sleep_on_cpu_clock(Thread& self, int clock, async::Duration until,
                                         UserPtr<abi::Timespec> left) {
  constexpr async::Duration least_check{10'000'000};
  for (;;) {
    const auto now = read_clock(self, clock);
    if (!now || *now >= until) co_return Result<>{};  // or the process has ended
    const async::Duration rest = until - *now;
    // The other threads may use the time of all harts.
    const auto threads = static_cast<std::int64_t>(std::max<std::size_t>(1, hart_count()));
    const auto woken = co_await async::sleep_for(std::max(rest / threads, least_check));
    if (woken == async::WaitResult::cancelled) {
      if (left) {
        const auto written = co_await with_page_ins(
            self, [&] { return left.write(self.space(), to_timespec(rest)); });
        if (!written) co_return written;
      }
      co_return fail(Errno::eintr);
    }
  }
}

/// Sleeps until the wall clock shows `until`, also if it is set meanwhile. EINTR.
async::Task<Result<>> sleep_on_wall_clock(async::Duration until) {
  for (;;) {
    const async::Instant deadline{until - wall_clock_at_boot()};
    const auto woken = co_await wall_clock_changes().wait_until(deadline, "sleep");
    if (woken == async::WaitResult::timed_out) co_return Result<>{};
    if (woken == async::WaitResult::cancelled) co_return fail(Errno::eintr);
  }
}

}  // namespace

trap::Answer<Result<>> nanosleep(Thread& self, UserPtr<const abi::Timespec> length,
                                 UserPtr<abi::Timespec> left) {
  const auto duration = length.read(self.space()).and_then(to_duration);
  if (!duration) return fail(duration.error());
  return sleep_until(self, after(*duration), left);
}

trap::Answer<Result<>> clock_nanosleep(Thread& self, int clock, int flags,
                                       UserPtr<const abi::Timespec> time,
                                       UserPtr<abi::Timespec> left) {
  // Negative numbers: the clock of a descriptor, or the processor time of a process or thread.
  constexpr int kinds = 7, of_descriptor = 3, of_thread = 4;
  if (clock < 0 && (clock & kinds) == of_descriptor) return fail(Errno::enotsup);
  const bool is_cpu_clock = clock < 0;
  const bool is_of_process = clock == abi::clock_process_cputime_id;
  if (!can_sleep_on(clock) && !is_cpu_clock && !is_of_process) {
    const auto exists = read_clock(self, clock);
    return fail(exists ? Errno::enotsup : exists.error());
  }
  const auto given = time.read(self.space()).and_then(to_duration);
  if (!given) return fail(given.error());
  if (is_cpu_clock || is_of_process) {
    const int owner = ~(clock >> 3);
    const bool is_own = (clock & of_thread) != 0 && (owner == 0 || owner == self.id());
    if (is_cpu_clock && is_own) return fail(Errno::einval);
    if (async::Strand::is_shared()) return fail(Errno::would_block);
    const auto now = read_clock(self, clock);
    if (!now) return fail(Errno::einval);
    const bool is_absolute = (flags & abi::timer_abstime) != 0;
    const async::Duration most = async::Duration::max() - *now;
    const async::Duration until = is_absolute ? *given : *now + std::min(*given, most);
    if (until <= *now) return Result<>{};
    if (is_absolute) left = UserPtr<abi::Timespec>{0};
    return self.wait([&] { return sleep_on_cpu_clock(self, clock, until, left); });
  }
  if ((flags & abi::timer_abstime) == 0) return sleep_until(self, after(*given), left);
  if (clock != abi::clock_realtime)
    return sleep_until(self, async::Instant{*given}, UserPtr<abi::Timespec>{0});
  const async::Instant deadline{*given - wall_clock_at_boot()};
  if (deadline <= async::now()) return sleep_until(self, deadline, UserPtr<abi::Timespec>{0});
  if (async::Strand::is_shared()) return fail(Errno::would_block);
  return self.wait([&] { return sleep_on_wall_clock(*given); });
}

}  // namespace kernel::sys
