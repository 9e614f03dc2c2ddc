#include "process/running.h"

#include <async_platform.h>
#include <trap/fpu.h>

#include <algorithm>

#include "process/thread.h"

namespace kernel {

constinit thread_local Thread* running_thread = nullptr;

namespace {

constexpr std::uint64_t tick_ns = static_cast<std::uint64_t>(Schedule::slice.count()) / 4;

struct Times {
  async::Instant charged{};                // the running thread has paid for all time up to here
  std::uint64_t tick = hal::no_deadline;   // set while turns are limited
  std::uint64_t alarm = hal::no_deadline;  // the executor's
  bool ticked = false;                     // a tick has come and nobody has looked
};
constinit thread_local Times times;

void set_hardware_timer() {
  hal::set_timer(std::min(times.tick, times.alarm));
}

/// The time since the last charge was the running thread's.
void charge() {
  const async::Instant now = async::now();
  const async::Duration spent = now - times.charged;
  times.charged = now;
  if (running_thread == nullptr) return;
  running_thread->stopped_running = now;
  running_thread->cpu_time += spent;
  running_thread->slice_used += spent;
}

}  // namespace

void switch_to(Thread& thread) {
  charge();
  running_thread = &thread;
  memory::AddressSpace& space = thread.space();
  trap::set_user_space(thread.context(), space.token());
  if (space.take_code_written()) hal::synchronize_code();
  trap::fpu::switch_to(thread.context());
}

void run_nobody() {
  if (running_thread == nullptr) return;
  charge();
  running_thread = nullptr;
}

void limit_turn() {
  if (times.tick != hal::no_deadline) return;
  times.tick = hal::now_ns() + tick_ns;
  set_hardware_timer();
}

bool take_end_of_turn() {
  if (!times.ticked) return false;
  times.ticked = false;
  charge();
  if (running_thread == nullptr || running_thread->slice_used < Schedule::slice) return false;
  running_thread->slice_used = async::Duration::zero();
  return true;
}

void note_rest(Thread& thread) {
  if (running_thread == &thread) return;  // it has not slept, or nobody else has run meanwhile
  if (async::now() - thread.stopped_running < Schedule::slice) return;
  thread.slice_used = async::Duration{};
  thread.set_computing(false);
}

void share_turn(Thread& maker, Thread& made) {
  charge();
  const async::Duration left = std::max(Schedule::slice - maker.slice_used, async::Duration{});
  maker.slice_used = made.slice_used = Schedule::slice - left / 2;
  made.set_computing(maker.is_computing() || left / 2 < async::Duration{tick_ns});
}

async::Duration running_time(const Thread& thread) {
  return running_thread == &thread ? async::now() - times.charged : async::Duration::zero();
}

void timer_fired() {
  const std::uint64_t now = hal::now_ns();
  if (times.tick <= now) {
    times.tick = hal::no_deadline;
    times.ticked = true;
  }
  if (times.alarm <= now) {
    times.alarm = hal::no_deadline;
    async::current_executor().alarm_fired();
  }
  set_hardware_timer();
}

void set_executor_alarm(std::uint64_t ns) noexcept {
  times.alarm = ns;
  set_hardware_timer();
}

}  // namespace kernel
