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

namespace {

constexpr async::Duration tick = Schedule::shortest_slice / 4;

/// By hart: whoever destroys a thread or asks for its time looks where it is.
constinit std::array<Turn*, hal::max_harts> turns{};

constinit thread_local bool ticked = false;  // a tick has come and nobody has looked

/// What `thread` has called since it came to its hart becomes that hart's for good.
void count_syscalls(Thread& thread) {
  turns[thread.hart]->syscalls +=
      thread.syscalls - std::exchange(thread.syscalls_counted, thread.syscalls);
}

/// The time since the last charge was the running thread's. Of its turn it has used a tick at most:
/// whatever is beyond, the tick that came late or the wake that nobody heard, was not its doing. A
/// host that is busy stops a machine for tens of milliseconds, and a shell is no hog because of it.
void charge() {
  const async::Instant now = async::now();
  const async::Duration spent = now - turn.charged;
  turn.charged = now;
  if (turn.thread == nullptr) return;
  turn.thread->stopped_running = now;
  turn.thread->cpu_time += spent;
  turn.thread->slice_used += std::min(spent, tick);
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
  count_syscalls(thread);
  thread.hart = hal::hart_index();
  if (turn.space == &thread.space()) return;
  leave_space();
  turn.space = Ref{thread.process().parts().space}.leak();
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
  detail::policies_in_use |= async::current_executor().policy() != nullptr;
  memory::TlbTag::start_hart();
}

const Turn* turn_of(unsigned hart) {
  return turns[hart];
}

unsigned harts_set_up_for(const memory::AddressSpace& space) {
  return static_cast<unsigned>(std::ranges::count_if(
      turns, [&](const Turn* turn) { return turn != nullptr && turn->space == &space; }));
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
    set_due(Due::turn, hal::now_ns() + static_cast<std::uint64_t>(tick.count()));
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
  if (thread->slice_used < thread->schedule().slice()) return false;
  thread->slice_used = async::Duration::zero();
  return true;
}

bool turn_has_ticked() {
  return ticked;
}

void note_rest(Thread& thread) {
  if (turn.thread == &thread) return;  // it has not slept, or nobody else has run meanwhile
  if (async::now() - thread.stopped_running < thread.schedule().slice()) return;
  thread.slice_used = async::Duration{};
  thread.set_computing(false);
}

void share_turn(Thread& maker, Thread& made) {
  charge();
  const async::Duration slice = maker.schedule().slice();
  const async::Duration left = std::max(slice - maker.slice_used, async::Duration{});
  maker.slice_used = made.slice_used = slice - left / 2;
  made.set_computing(maker.is_computing() || left / 2 < tick);
}

async::Duration running_time(const Thread& thread) {
  const Turn& last = *turns[thread.hart];
  return last.thread == &thread ? async::now() - last.charged : async::Duration::zero();
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
