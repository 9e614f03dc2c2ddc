#include "process/running.h"

#include <async_platform.h>
#include <trap/fpu.h>

#include <algorithm>
#include <array>

#include "process/thread.h"

namespace kernel {

constinit thread_local Turn turn;

namespace {

constexpr std::uint64_t tick_ns = static_cast<std::uint64_t>(Schedule::slice.count()) / 4;

/// By hart: whoever destroys a thread or asks for its time looks where it is.
constinit std::array<Turn*, hal::max_harts> turns{};

struct Times {
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
  const async::Duration spent = now - turn.charged;
  turn.charged = now;
  if (turn.thread == nullptr) return;
  turn.thread->stopped_running = now;
  turn.thread->cpu_time += spent;
  turn.thread->slice_used += spent;
}

void leave_space() {
  if (turn.space == nullptr) return;
  turn.space->leave();
  std::exchange(turn.space, nullptr)->release();
}

/// What more there is to do where a thread may have been on another hart, and its space may end
/// there.
[[gnu::cold, gnu::noinline]] void note_arrival(Thread& thread) {
  forget(thread);
  thread.hart = hal::hart_index();
  if (turn.space == &thread.space()) return;
  leave_space();
  turn.space = Ref{thread.process().shared_space()}.leak();
}

}  // namespace

void start_turns() {
  turns[hal::hart_index()] = &turn;
  memory::TlbTag::start_hart();
}

const Turn* turn_of(unsigned hart) {
  return turns[hart];
}

void switch_to(Thread& thread) {
  charge();
  ++turn.switches;
  if (hal::in_company()) note_arrival(thread);
  turn.thread = &thread;
  trap::set_user_space(thread.context(), thread.space().enter());
  trap::fpu::switch_to(thread.context());
}

void run_nobody() {
  if (turn.thread != nullptr) {
    charge();
    turn.thread = nullptr;
  }
  if (turn.space == nullptr) return;
  trap::leave_user_space();
  leave_space();
}

void hand_over(Thread& thread) {
  charge();  // where it goes on, nobody knows what it has used here
  trap::fpu::release(thread.context());
}

void leave_for_ever(Thread& thread) {
  run_nobody();
  trap::fpu::drop(thread.context());
}

void forget(const Thread& thread) {
  Turn& last = *turns[thread.hart];
  if (last.thread == &thread) last.thread = nullptr;
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
  if (turn.thread == nullptr || turn.thread->slice_used < Schedule::slice) return false;
  turn.thread->slice_used = async::Duration::zero();
  return true;
}

void note_rest(Thread& thread) {
  if (turn.thread == &thread) return;  // it has not slept, or nobody else has run meanwhile
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
  const Turn& last = *turns[thread.hart];
  return last.thread == &thread ? async::now() - last.charged : async::Duration::zero();
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
