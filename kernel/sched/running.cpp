#include "sched/running.h"

#include <async/policy.h>
#include <async_platform.h>
#include <trap/fpu.h>

#include <algorithm>
#include <array>
#include <span>

#include "devices/hart_timer.h"
#include "sched/real_time_limit.h"
#include "sched/restartable.h"

namespace kernel {

constinit thread_local CurrentThread current;
constinit thread_local std::uint64_t detail::tick = 0;
constinit thread_local std::uint64_t detail::shortest_slice = 0;
constinit thread_local bool detail::ticked = false;

namespace {

/// The CurrentThread of each hart; null: the hart has not started. Code that destroys a thread or
/// reads its CPU time uses the entry of the hart on which the thread ran last.
constinit std::array<CurrentThread*, hal::max_harts> by_hart{};

/// by_hart, up to the last hart that has started.
std::span<CurrentThread* const> started() {
  return std::span{by_hart}.first(async::Executor::end());
}

constinit bool policy_in_use = false;
constinit unsigned reservations = 0;  // threads with a reservation

std::uint64_t in_ticks(async::Duration time) {
  return hal::ticks_at(static_cast<std::uint64_t>(time.count())) - hal::ticks_at(0);
}

/// Fails in debug builds unless this hart may change the CurrentThread of `hart`.
void check_access_to_hart(unsigned hart) {
  async::Strand::check_access_unless([hart] { return hart == hal::hart_index(); });
}

/// Adds the system calls that `thread` made since it came to its hart to that hart's count.
void count_syscalls(Runnable& thread) {
  check_access_to_hart(thread.hart);
  const std::uint64_t made = thread.syscalls.value();
  by_hart[thread.hart]->syscalls += made - std::exchange(thread.syscalls_counted, made);
}

void leave_space() {
  if (current.space == nullptr) return;
  current.space->leave();
  detail::drop_space();
}

void end_timeslice_by(std::uint64_t end) {
  if (end < due(TimerSource::timeslice)) set_due_at(TimerSource::timeslice, end);
}

/// Sets the timer of the time slice to the instant at which the scheduling policy wants its tick(),
/// if no earlier instant is set. Returns false if there is no policy, or none with time slices.
[[gnu::cold]] bool arm_timeslice_by_policy() {
  const async::Policy* const policy = async::current_executor().policy();
  if (policy == nullptr) return false;
  const async::Duration left = policy->until_tick();
  if (left == async::Duration::max()) return false;
  const auto ns = static_cast<std::uint64_t>(std::max(left, async::Duration{}).count());
  end_timeslice_by(hal::ticks_at(hal::now_ns() + ns));
  return true;
}

// ── Shares of ordinary threads ──

std::int64_t slice_of(const Runnable& thread) {
  return static_cast<std::int64_t>(detail::shortest_slice * thread.schedule().short_slices());
}

/// The credit of a thread for one round, or for one time slice if it takes part in no rounds.
std::int64_t quantum_of(const Runnable& thread) {
  if (!thread.schedule().is_ordinary()) return slice_of(thread);
  const std::uint64_t weighted = detail::shortest_slice * thread.schedule().weight();
  return static_cast<std::int64_t>(
      std::max<std::uint64_t>(weighted / async::Attributes::usual_weight, 1));
}

/// A time slice with less time left than this ends now: another interrupt costs more.
std::int64_t half_tick() {
  return static_cast<std::int64_t>(detail::tick / 2);
}

void begin_timeslice(Runnable& thread) {
  TimeShare& share = thread.share;
  const std::int64_t rest = share.credit - slice_of(thread);
  share.timeslice_end = rest > half_tick() ? rest : 0;
}

/// Limits the debt of a thread that has run alone to one slice, which it owes to threads that come
/// later.
void limit_debt(TimeShare& share) {
  share.credit = std::max(share.credit, -static_cast<std::int64_t>(detail::shortest_slice));
}

// ── Reservations: a constant bandwidth server each, which is throttled without budget ──
//
// L. Abeni, G. Buttazzo: Integrating Multimedia Applications in Hard Real-Time Systems, RTSS 1998.
// A thread without budget sleeps until its next period, as on Linux. But charge() counts one tick
// at most, so a thread that runs while no other is ready uses hardly any budget. Its period then
// becomes longer by the time that is not counted.

/// Whether the scheduling policy serves reservations itself.
bool policy_serves_reservations() {
  const async::Policy* const policy = async::current_executor().policy();
  return policy != nullptr && policy->goes_by_deadlines();
}

std::int64_t budget_of(const Runnable& thread) {
  return static_cast<std::int64_t>(in_ticks(thread.schedule().reservation.runtime));
}

/// Begins a period at `begin`. If the thread has overdrawn its last budget, it gets less of the new
/// one, or none.
void begin_period(Runnable& thread, std::uint64_t begin) {
  const std::int64_t budget = budget_of(thread);
  thread.share.credit = std::clamp(thread.share.credit, -budget, std::int64_t{0}) + budget;
  thread.share.period_end = begin + in_ticks(thread.schedule().reservation.period);
}

/// Whether the kernel, and not the scheduling policy, enforces a reservation of `thread`.
bool has_server(const Runnable& thread) {
  return thread.schedule().is_deadline() && !policy_serves_reservations();
}

/// Whether `thread` has used up the budget of a period that is not over, and must wait for the
/// next.
bool is_out_of_budget(Runnable& thread) {
  if (!has_server(thread) || thread.share.credit > 0) return false;
  const std::uint64_t now = hal::clock_ticks();
  if (now < thread.share.period_end) return thread.urgent_waiters == 0;
  begin_period(thread, now);
  return thread.share.credit <= 0;
}

/// Called after a wait. Begins a new period if the present one is over, or if the rest of the
/// budget, used until the end of the period, would exceed the reserved share.
void renew_budget(Runnable& thread) {
  const std::uint64_t now = hal::clock_ticks();
  const TimeShare& share = thread.share;
  const std::uint64_t period = in_ticks(thread.schedule().reservation.period);
  const auto left = static_cast<__int128>(share.period_end - now) * budget_of(thread);
  if (now >= share.period_end || static_cast<__int128>(share.credit) * period > left) {
    begin_period(thread, now);
  }
}

bool needs_exact_timeslices() {
  return policy_in_use || reservations != 0;
}
void update_exactness() {
  for (CurrentThread* const on : started()) {
    if (on != nullptr) on->timeslices_are_exact = needs_exact_timeslices();
  }
}

}  // namespace

void note_policy(bool in_use) {
  policy_in_use = in_use;
  update_exactness();
}

void change_share(Runnable& thread, const Schedule& before) {
  if (current.thread == &thread) charge();
  TimeShare& share = thread.share;
  const bool has_reservation = thread.schedule().is_deadline();
  if (before.is_deadline() != has_reservation) {
    async::Strand::check_access();
    reservations += has_reservation ? 1 : -1;
    update_exactness();
    share = {.period_end = share.period_end};
  }
  end_throttling(thread);
  if (!has_reservation) {
    limit_debt(share);
    share.credit = std::min(share.credit, quantum_of(thread));
    return begin_timeslice(thread);
  }
  // A period gives a thread one budget, however often the thread changes its schedule.
  const std::uint64_t now = hal::clock_ticks();
  if (now >= share.period_end) return begin_period(thread, now);
  share.credit = std::min(share.credit, budget_of(thread));
}

void end_share(const Runnable& thread) {
  if (!thread.schedule().is_deadline()) return;
  async::Strand::check_access();
  --reservations;
  update_exactness();
}

void start_scheduling() {
  by_hart[hal::hart_index()] = &current;
  current.timeslices_are_exact = needs_exact_timeslices();
  detail::shortest_slice = in_ticks(Schedule::shortest_slice);
  detail::tick = detail::shortest_slice / 4;
  memory::TlbTag::start_hart();
}

const CurrentThread* current_thread_of(unsigned hart) {
  return by_hart[hart];
}

void keep_for_harts(memory::AddressSpace& space) {
  async::Strand::check_access();
  for (CurrentThread* const on : started()) {
    if (on == nullptr || on->space != &space || on->owns_space) continue;
    space.retain();
    on->owns_space = true;
  }
}

unsigned harts_that_own(const memory::AddressSpace& space) {
  return static_cast<unsigned>(std::ranges::count_if(started(), [&](const CurrentThread* on) {
    return on != nullptr && on->space == &space && on->owns_space;
  }));
}

void detail::drop_space() {
  memory::AddressSpace* const space = std::exchange(current.space, nullptr);
  if (std::exchange(current.owns_space, false)) space->release();
}

/// Moves the accounts of `thread` to this hart.
void detail::on_migrate_in(Runnable& thread) {
  if (thread.schedule().is_real_time()) real_time_limit::begin();
  clear_last_thread(thread);
  count_syscalls(thread);
  thread.hart = static_cast<std::uint8_t>(hal::hart_index());
  if (thread.has_sequences()) restart_sequence(thread);
  if (thread.follower == nullptr) return;
  thread.follower->follow();
  if (thread.follower->is_behind()) thread.wait_for_follower();
}

void leave_current_thread() {
  if (current.thread != nullptr) {
    charge();
    current.thread = nullptr;
  }
  if (current.space == nullptr) return;
  trap::leave_user_space();
  leave_space();
}

bool detail::save_hart_state(Runnable& thread) {
  charge();  // the next hart does not know how long the thread ran here
  trap::fpu::release(thread.context());
  return async::Strand::is_shared();
}

void charge_before_leaving(const async::Job& job) noexcept {
  if (current.thread != nullptr && current.thread->job() == &job) charge();
}

void release_hart_state(Runnable& thread) {
  count_syscalls(thread);
  leave_current_thread();
  trap::fpu::drop(thread.context());
}

void clear_last_thread(const Runnable& thread) {
  check_access_to_hart(thread.hart);
  CurrentThread& last = *by_hart[thread.hart];
  if (last.thread == &thread) last.thread = nullptr;
}

void detail::set_limit(const Runnable& thread) {
  if (has_server(thread)) {
    if (current.thread == &thread) charge();  // for a tick that came while it ran in the kernel
    auto left = static_cast<std::uint64_t>(std::max(thread.share.credit, std::int64_t{0}));
    if (left == 0 && thread.urgent_waiters != 0) left = tick;
    return end_timeslice_by(hal::clock_ticks() + std::min(left, tick));
  }
  if (arm_timeslice_by_policy()) return;
  if (due(TimerSource::timeslice) == hal::no_deadline && thread.schedule().shares_level())
    set_due_at(TimerSource::timeslice, hal::clock_ticks() + tick);
}

bool timeslice_expired() {
  if (!detail::ticked) return false;
  detail::ticked = false;
  charge();
  Runnable* const thread = current.thread;
  if (thread != nullptr && has_server(*thread)) return is_out_of_budget(*thread);
  if (async::Policy* const policy = async::current_executor().policy()) {
    if (policy->tick()) return true;
    if (policy->until_tick() != async::Duration::max()) return false;
  }
  if (thread == nullptr || !thread->schedule().shares_level()) return false;
  TimeShare& share = thread->share;
  if (share.credit > share.timeslice_end + half_tick()) return false;
  limit_debt(share);
  if (!thread->schedule().is_ordinary()) {
    share.credit = slice_of(*thread);
    share.timeslice_end = 0;
  }
  return true;
}

bool begins_timeslice(Runnable& thread) {
  if (thread.is_ending() || !thread.schedule().is_ordinary()) return true;
  TimeShare& share = thread.share;
  const std::int64_t quantum = quantum_of(thread);
  const bool is_batch = thread.schedule().short_slices() > 1;
  const std::int64_t least = is_batch ? slice_of(thread) - half_tick() : half_tick() + 1;
  // Only once: the thread may wait here for several rounds, which give it credit.
  if (hal::smp_active() && share.hart != hal::hart_index()) {
    current.rounds.join(share, hal::hart_index());
  }
  if (async::current_executor().policy() != nullptr) {
    share.credit = quantum;
  } else if (!current.rounds.begins_timeslice(share, quantum, least)) {
    return false;
  }
  begin_timeslice(thread);
  return true;
}

bool may_end_timeslice_sharing(const Runnable& thread) {
  return !thread.schedule().is_deadline() && async::current_executor().policy() == nullptr;
}

async::Task<> yield_timeslice(Runnable& thread) {
  if (is_out_of_budget(thread)) {
    const std::uint64_t end = thread.share.period_end;
    const std::uint64_t left = end - std::min(end, hal::clock_ticks());  // 0 if the period is over
    thread.is_throttled = true;
    co_await async::sleep_for(async::Duration{hal::ticks_in_ns(left)}, "the next period");
    thread.is_throttled = false;
    const bool is_over = hal::clock_ticks() >= thread.share.period_end;
    if (has_server(thread) && is_over) begin_period(thread, thread.share.period_end);
    co_return;
  }
  do {
    co_await async::yield();
  } while (!begins_timeslice(thread));
}

void end_throttling(const Runnable& holder) {
  if (holder.is_throttled) holder.job()->complete(async::WaitResult::woken);
}

async::Task<> end_deadline_job(Runnable& thread) {
  if (has_server(thread)) {
    if (current.thread == &thread) charge();
    thread.share.credit = std::min(thread.share.credit, std::int64_t{0});
  }
  return yield_timeslice(thread);
}

void detail::renew_share(Runnable& thread) {
  TimeShare& share = thread.share;
  const Schedule& schedule = thread.schedule();
  if (schedule.is_deadline()) return renew_budget(thread);
  const bool comes_from_elsewhere = hal::smp_active() && thread.hart != hal::hart_index();
  const std::uint64_t rest = hal::clock_ticks() - thread.stopped_running;
  if (!schedule.is_ordinary() || (comes_from_elsewhere && rest < shortest_slice)) {
    return current.rounds.join(share, hal::hart_index());
  }
  share.hart = hal::hart_index();
  limit_debt(share);
  current.rounds.renew(share, quantum_of(thread));
  begin_timeslice(thread);
  thread.set_cpu_bound(share.credit <= 0);
}

void start_share(Runnable& thread) {
  thread.share.credit = quantum_of(thread);
  thread.share.hart = hal::hart_index();
  begin_timeslice(thread);
}

void split_timeslice(Runnable& parent, Runnable& child) {
  charge();
  if (!parent.schedule().is_ordinary()) return;
  parent.share.credit /= 2;
  child.share.credit = std::min(parent.share.credit, quantum_of(child));
  current.rounds.join(child.share, hal::hart_index());
  begin_timeslice(parent);
  begin_timeslice(child);
  const auto tick = static_cast<std::int64_t>(detail::tick);
  child.set_cpu_bound(parent.is_cpu_bound() || child.share.credit < tick);
}

std::uint64_t running_ticks(const Runnable& thread) {
  const CurrentThread& last = *by_hart[thread.hart];
  const std::uint64_t now = hal::clock_ticks();
  return last.thread == &thread && now > last.charged ? now - last.charged : 0;
}

void note_timeslice_tick() {
  detail::ticked = true;
}

}  // namespace kernel
