#include "sched/runnable.h"

#include <hal/hart.h>
#include <trap/fpu.h>

#include <algorithm>
#include <utility>

#include "sched/real_time_limit.h"
#include "sched/running.h"

namespace kernel {

Runnable::Runnable(const trap::UserContext& context, memory::AddressSpace& space, Schedule schedule)
    : context_{context}, space_{&space}, schedule_{schedule} {
  update_level();
}

Runnable::~Runnable() {
  end_share(*this);
  clear_last_thread(*this);
}

void Runnable::set_job(async::Job* job) {
  job_ = job;
  if (job == nullptr) return;
  if (is_ending()) job->cancel();
  update_policy();
}

const trap::UserContext& Runnable::current_context() {
  trap::fpu::save(context_.get());
  return context_.get();
}

void Runnable::leave_all_harts() {
  leave_current_thread();
  clear_last_thread(*this);
}

void Runnable::end() {
  if (is_ending()) return;
  set(ends);
  update_level();
  if (job_ == nullptr) return;
  job_->cancel();
  notice();
}

void Runnable::notice() {
  // A thread that does not run sees its flags before it runs its program. Pairs with the fence in
  // Executor::begin_step_smp().
  if (job_->hart == hal::hart_index()) return;
  if (async::Executor::is_running(*job_)) async::platform::send_ipi(job_->hart);
}

Schedule Runnable::copy_schedule_sharing() const {
  const async::LeafLock::Guard lock{schedule_lock_};
  return schedule_;
}

void Runnable::set_schedule(const Schedule& schedule) {
  const Schedule before = schedule_;
  if (async::Strand::is_held()) [[likely]] {
    schedule_ = schedule;
  } else {
    const async::LeafLock::Guard lock{schedule_lock_};
    schedule_ = schedule;
  }
  change_share(*this, before);
  update_level();
  update_policy();
  const bool looks = current.limits_real_time && hart == hal::hart_index();
  if (!looks && schedule.is_real_time()) [[unlikely]]
    begin_real_time();
}

void Runnable::begin_real_time() {
  if (hart == hal::hart_index()) return real_time_limit::begin();
  set(is_throttled_real_time);  // its hart begins to look when the thread waits for the past end
  if (job_ != nullptr) notice();
}

void Runnable::hint_work(const Work& work) {
  async::Strand::check_access();
  if (work.number != work_.number || work.work_class != work_.work_class) end_work();
  work_ = work;
  update_policy();
}

void Runnable::end_work() {
  if (!work_.is_counted()) return;
  async::Strand::check_access();
  WorkCount& count = work_counts[work_.work_class];
  ++count.ended;
  count.missed += async::now() > work_.due;
  work_.number = 0;
}

void Runnable::pass_new_attributes() {
  if (take(has_attributes)) update_policy();
}

void Runnable::update_policy() {
  if (job_ == nullptr || async::current_executor().policy() == nullptr) return;
  if (job_->hart != hal::hart_index()) {
    set(has_attributes);
    return notice();
  }
  const Reservation& reserved = schedule_.reservation;
  async::Executor::set_attributes(*job_,
                                  {.deadline = work_.due,
                                   .weight = work_.weight != 0 ? work_.weight : schedule_.weight(),
                                   .budget = reserved.runtime,
                                   .period = reserved.deadline});
}

void Runnable::set_harts(async::HartMask harts) {
  harts_ = harts;
  if (job_ == nullptr) return;
  async::current_executor().set_harts(*job_, harts);
  notice();
}

void Runnable::set_cpu_bound(bool cpu_bound) {
  if (cpu_bound_ == cpu_bound) return;
  cpu_bound_ = cpu_bound;
  update_level();
}

void Runnable::share_priority(std::uintptr_t address) {
  async::Strand::check_access();
  shared_priority_ = address;
  has_shared_words_ = has_sequences() || address != 0;
  demotion_ = 0;
  update_level();
}

void Runnable::demote_by(std::uint8_t levels) {
  if (demotion_ == levels) return;
  demotion_ = levels;
  update_level();
}

void Runnable::update_level() {
  if (is_ending()) {  // it does not return to user mode, so only its level has an effect
    level_ = Schedule::ending_level;
    if (job_ != nullptr) async::current_executor().set_priority(*job_, level_);
    return;
  }
  const unsigned limit = schedule_.level();
  const bool is_in_ring = cpu_bound_ && schedule_.is_ordinary();
  const unsigned lowest = std::max(limit, Schedule::lowest_level);
  const unsigned level = is_in_ring ? Schedule::ring_level : std::min(limit + demotion_, lowest);
  level_ = static_cast<std::uint8_t>(level);
  preempt_threshold_ =
      static_cast<std::uint8_t>(schedule_.is_ordinary() ? Schedule::ring_level : limit);
  if (shared_priority_ != 0 || schedule_.is_deadline()) preempt_threshold_ = async::priorities - 1;
  yield_threshold_ = static_cast<std::int8_t>(schedule_.is_deadline() ? -1 : level_ + 1);
  if (job_ != nullptr) async::current_executor().set_priority(*job_, level_);
}

bool Runnable::is_ready() const {
  return job_ != nullptr && job_->kind == async::Kind::ready;
}

async::Duration Runnable::cpu_time() const {
  return async::Duration{hal::ticks_in_ns(cpu_ticks + running_ticks(*this))};
}

}  // namespace kernel
