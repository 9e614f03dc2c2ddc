#include "sched/step_watch.h"

#include <fmt/format.h>
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/kernel_map.h>
#include <kernel/log.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "devices/hart_timer.h"
#include "sched/running.h"

namespace kernel {

constinit thread_local StepTime step_time;
constinit thread_local detail::StepWatch detail::step_watch;

namespace {

using namespace std::chrono_literals;

constexpr auto slice_ns = static_cast<std::uint64_t>(preemptible_slice.count());
constexpr auto stall_ns = static_cast<std::uint64_t>(stall_limit.count());
constexpr auto tick_ns = static_cast<std::uint64_t>(stall_tick.count());
constexpr async::Duration between_reports = 1s;

/// Reads a word that another hart may be writing, of memory that may be freed.
[[clang::no_sanitize("address", "thread")]] std::uintptr_t word_at(const void* address) {
  return *static_cast<const std::uintptr_t*>(address);
}

/// A coroutine frame that may be freed already: coroutines of a running step may have ended. So
/// each value is checked before it is used.
struct Suspect {
  bool is_coroutine() const {
    return may_be_frame(reinterpret_cast<std::uintptr_t>(at.address())) &&
           hal::kernel_code().contains(resume_address());
  }
  std::uintptr_t resume_address() const { return word_at(at.address()); }
  async::PromiseBase promise() const {
    return std::bit_cast<async::PromiseBase>(word_at(&async::PromiseBase::of(at)));
  }

  std::coroutine_handle<> at;
};

/// Addresses of the resume functions of an await chain, the innermost first; at most six.
using Chain = std::array<std::uintptr_t, 6>;

Chain chain_from(std::coroutine_handle<> leaf) {
  Chain chain{};
  Suspect suspect{leaf};
  for (std::uintptr_t& place : chain) {
    if (!suspect.is_coroutine()) break;
    place = suspect.resume_address();
    const async::PromiseBase promise = suspect.promise();
    if (promise.is_root()) break;
    suspect.at = promise.parent();
  }
  return chain;
}

/// A stalled step. It is a copy: the job that reports it may run much later.
struct Stall {
  const char* name = nullptr;
  std::uint64_t ran_ns = 0;
  std::uintptr_t pc = 0;  ///< 0: the step has ended
  Chain chain{};
  /// If the step has ended: the reason of the job's next wait, or "a yield" or "its end".
  const char* next_wait = nullptr;
};

struct Reporter {
  Stall last{};
  async::Interrupt* stalled = nullptr;
};
constinit thread_local Reporter reporter;

/// When this hart last entered the strand after a wait, in ticks of the clock.
constinit thread_local std::uint64_t waited_until = 0;

constinit StallClock stall_clock = StallClock::none;

/// The longest time for which `hart` can have run since `began`, in ticks.
std::uint64_t busy_ticks(unsigned hart, std::uint64_t began, std::uint64_t now) {
  if ((hal::running_harts() >> hart & 1) == 0) return 0;
  const CurrentThread* const current = current_thread_of(hart);
  const std::uint64_t idle_since =
      current != nullptr ? current->idle_since.load(std::memory_order_relaxed) : 0;
  if (idle_since == 0) return now - began;
  return idle_since - std::min(idle_since, began);
}

/// The shortest time, in ns, for which a step can have run. The step began at `began`. `ticks`
/// counts ticks of the clock from there to `now`, without those for which the step was preempted.
/// If the harts run one at a time, the function subtracts the ticks in which other harts may have
/// run. But it counts at least a tenth of the hart's fair share: QEMU runs the harts in turn.
std::uint64_t own_ns(std::uint64_t ticks, std::uint64_t began, std::uint64_t now) {
  std::uint64_t own = ticks;
  if (stall_clock == StallClock::shared && hal::smp_active()) {
    for (unsigned hart = 0; hart < async::Executor::end(); ++hart) {
      if (hart != hal::hart_index()) own -= std::min(own, busy_ticks(hart, began, now));
    }
    const auto harts = static_cast<unsigned>(std::popcount(hal::running_harts()));
    own = std::max(own, ticks / (10 * harts));
  }
  return own * hal::clock_period_ns();
}

void report_stall(const Stall& stall) {
  reporter.last = stall;
  if (reporter.stalled != nullptr) reporter.stalled->raise();
}

/// The time used of the running step's slice, in ns.
std::uint64_t used_slice_ns() {
  const std::uint64_t ticks = hal::clock_ticks() - step_time.slice_began;
  return std::min(ticks * hal::clock_period_ns(), slice_ns);
}

void check_step_after(std::uint64_t ns) {
  if (stalls_are_watched()) ns = std::min(ns, tick_ns);
  set_due(TimerSource::step, hal::now_ns() + ns);
}

void log_stall(const Stall& stall) {
  char chain[stall.chain.size() * 24 + 16];
  char* end = chain;
  for (const std::uintptr_t place : stall.chain) {
    if (place == 0) break;
    end = fmt::format_to(end, "{} {:#x}", end == chain ? ", awaits:" : " <", place);
  }
  if (stall.pc == 0) {
    log("'{}' stalled: {} ms without an await, then {}{}", stall.name, stall.ran_ns / 1'000'000,
        stall.next_wait, std::string_view{chain, end});
  } else {
    log("'{}' stalls: {} ms without an await, now at {:#x}{}", stall.name, stall.ran_ns / 1'000'000,
        stall.pc, std::string_view{chain, end});
  }
}

/// Called in the strand, so no other hart can end the job.
void report_ended(const async::Job* job, std::uint64_t ran_ns) {
  if (job == nullptr) return;
  Stall stall{.name = job->name(), .ran_ns = ran_ns, .next_wait = "its end"};
  // The chain holds the coroutine that awaited at the end of the step, and those that await it.
  if (job->kind == async::Kind::waiting || job->kind == async::Kind::ready) {
    stall.chain = chain_from(job->leaf());
    stall.next_wait = job->kind == async::Kind::waiting ? job->reason() : "a yield";
  }
  report_stall(stall);
}

}  // namespace

void watch_stalls(StallClock clock) {
  stall_clock = clock;
}

bool stalls_are_watched() {
  return stall_clock != StallClock::none;
}

void watch_step_again(const StepTime& time) {
  step_time = time;
  step_time.restart();
  if (due(TimerSource::step) == hal::no_deadline) [[unlikely]]
    check_step_after(slice_ns - used_slice_ns());
}

void pause_step_watch() {
  if (due(TimerSource::step) != hal::no_deadline) set_due(TimerSource::step, hal::no_deadline);
}

void resume_step_watch(std::uint64_t now) {
  if (stalls_are_watched()) set_due_at(TimerSource::step, now + tick_ns / hal::clock_period_ns());
}

void request_step_check() {
  detail::step_watch.due = true;
  if (stalls_are_watched()) check_step_after(tick_ns);
}

void check_step_after_slice() {
  check_step_after(slice_ns);
}

void check_step(const async::Job& job, std::uintptr_t pc) {
  detail::step_watch.due = false;
  const std::uint64_t used = used_slice_ns();
  step_time.slice_over = used >= slice_ns;
  check_step_after(slice_ns - (step_time.slice_over ? 0 : used));
  if (step_time.reported) return;
  const std::uint64_t now = hal::clock_ticks();
  const std::uint64_t ran = own_ns(now - step_time.began, step_time.started, now);
  if (ran < stall_ns) return;
  step_time.reported = true;
  report_stall({.name = job.name(), .ran_ns = ran, .pc = pc, .chain = chain_from(job.leaf())});
}

void note_wait_for_strand() noexcept {
  if (stalls_are_watched()) waited_until = hal::clock_ticks();
}

void check_strand_step() noexcept {
  if (!stalls_are_watched()) return;
  const std::uint64_t now = hal::clock_ticks();
  const std::uint64_t began = std::max(next_due(), waited_until);
  const std::uint64_t ticks = now - std::min(began, now);
  if (ticks * hal::clock_period_ns() < stall_ns) [[likely]]
    return;
  const std::uint64_t ran_ns = own_ns(ticks, began, now);
  if (ran_ns >= stall_ns) report_ended(async::platform::job(), ran_ns);
}

void detail::check_ended_step(const async::Job* job) {
  report_ended(job, std::exchange(step_watch.late_ns, 0));
}

async::Task<> report_stalls() {
  async::Interrupt stalled;
  Stall stall;
  reporter.stalled = &stalled;
  for (;;) {
    (void)co_await stalled.wait("a stalled step");
    {
      // A timer interrupt may report another stall, which overwrites `last`.
      async::platform::InterruptGuard masked;
      stall = reporter.last;
    }
    log_stall(stall);
    (void)co_await async::sleep_for(between_reports, "a pause between reports");
  }
}

}  // namespace kernel
