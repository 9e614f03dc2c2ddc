#include "process/running.h"

#include <async/policy.h>
#include <async_platform.h>
#include <trap/fpu.h>

#include <algorithm>
#include <array>

#include "harts/hart_timer.h"
#include "process/thread.h"

namespace kernel {

constinit thread_local Turn turn;
constinit bool detail::policies_in_use = false;
constinit thread_local std::uint64_t detail::tick = 0;
constinit thread_local std::uint64_t detail::shortest_slice = 0;

namespace {

/// By hart: whoever destroys a thread or asks for its time looks where it is.
constinit std::array<Turn*, hal::max_harts> turns{};

constinit thread_local bool ticked = false;  // a tick has come and nobody has looked

std::uint64_t in_ticks(async::Duration time) {
  return hal::ticks_at(static_cast<std::uint64_t>(time.count())) - hal::ticks_at(0);
}

/// What `thread` has called since it came to its hart becomes that hart's for good.
void count_syscalls(Thread& thread) {
  turns[thread.hart]->syscalls +=
      thread.syscalls - std::exchange(thread.syscalls_counted, thread.syscalls);
}

void leave_space() {
  if (turn.space == nullptr) return;
  turn.space->leave();
  std::exchange(turn.space, nullptr)->release();
}

/// A policy that has turns may end them before the tick that is to come. False: it has none.
[[gnu::cold]] bool limit_turn_by_policy() {
  const async::Policy* const policy = async::current_executor().policy();
  if (policy == nullptr) return false;
  const async::Duration left = policy->until_tick();
  if (left == async::Duration::max()) return false;
  const auto ns = static_cast<std::uint64_t>(std::max(left, async::Duration{}).count());
  const std::uint64_t end = hal::ticks_at(hal::now_ns() + ns);
  if (end < due(Due::turn)) set_due_at(Due::turn, end);
  return true;
}

}  // namespace

void start_turns() {
  turns[hal::hart_index()] = &turn;
  detail::shortest_slice = in_ticks(Schedule::shortest_slice);
  detail::tick = detail::shortest_slice / 4;
  memory::TlbTag::start_hart();
}

const Turn* turn_of(unsigned hart) {
  return turns[hart];
}

unsigned harts_set_up_for(const memory::AddressSpace& space) {
  return static_cast<unsigned>(std::ranges::count_if(
      turns, [&](const Turn* turn) { return turn != nullptr && turn->space == &space; }));
}

/// What more there is to do where a thread may have been on another hart, and its space may end
/// there.
void detail::note_arrival(Thread& thread) {
  forget(thread);
  count_syscalls(thread);
  thread.hart = hal::hart_index();
  if (turn.space == &thread.space()) return;
  leave_space();
  turn.space = Ref{thread.process().parts().space}.leak();
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
  count_syscalls(thread);
  run_nobody();
  trap::fpu::drop(thread.context());
}

void forget(const Thread& thread) {
  Turn& last = *turns[thread.hart];
  if (last.thread == &thread) last.thread = nullptr;
}

void detail::set_limit(const Thread& thread) {
  if (limit_turn_by_policy()) return;
  if (due(Due::turn) == hal::no_deadline && thread.schedule().shares_level())
    set_due_at(Due::turn, hal::clock_ticks() + tick);
}

bool take_end_of_turn() {
  if (!ticked) return false;
  ticked = false;
  charge();
  if (async::Policy* const policy = async::current_executor().policy()) {
    if (policy->tick()) return true;
    if (policy->until_tick() != async::Duration::max()) return false;
  }
  Thread* const thread = turn.thread;
  if (thread == nullptr || !thread->schedule().shares_level()) return false;
  const std::uint64_t slice = in_ticks(thread->schedule().slice());
  if (thread->slice_used + detail::tick / 2 < slice) return false;  // less is for no other look
  thread->slice_used = 0;
  return true;
}

bool turn_has_ticked() {
  return ticked;
}

void detail::note_long_rest(Thread& thread) {
  const std::uint64_t rest = hal::clock_ticks() - thread.stopped_running;
  if (rest < in_ticks(thread.schedule().slice())) return;
  thread.slice_used = 0;
  thread.set_computing(false);
}

void share_turn(Thread& maker, Thread& made) {
  charge();
  const std::uint64_t slice = in_ticks(maker.schedule().slice());
  const std::uint64_t left = slice - std::min(slice, maker.slice_used);
  maker.slice_used = made.slice_used = slice - left / 2;
  made.set_computing(maker.is_computing() || left / 2 < detail::tick);
}

std::uint64_t running_ticks(const Thread& thread) {
  const Turn& last = *turns[thread.hart];
  const std::uint64_t now = hal::clock_ticks();
  return last.thread == &thread && now > last.charged ? now - last.charged : 0;
}

std::uint64_t syscalls_on(unsigned hart) {
  if (turns[hart] == nullptr) return 0;
  std::uint64_t count = turns[hart]->syscalls;
  for (const Thread& thread : threads()) {
    if (thread.hart == hart) count += thread.syscalls - thread.syscalls_counted;
  }
  return count;
}

void turn_ticked() {
  ticked = true;
}

}  // namespace kernel
