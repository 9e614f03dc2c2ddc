#include "process/thread.h"

#include <trap/fpu.h>
#include <trap/router.h>

#include <algorithm>

#include "memory/frames.h"
#include "process/life.h"
#include "process/pi_lock.h"
#include "process/running.h"
#include "rings/ring.h"
#include "trace/points.h"

namespace kernel {
namespace {

constinit IdTable<Thread> thread_table;

/// Memory in reserve for each thread, in bytes: the most that its coroutines' frames need.
constexpr std::ptrdiff_t reserve_for_frames = 1024;

}  // namespace

IdTable<Thread>& threads() {
  return thread_table;
}

Thread::Thread(int id, Ref<Process> process, const trap::UserContext& context, Schedule schedule)
    : id_{id}, process_{std::move(process)}, context_{context}, schedule_{schedule} {
  update_level();
  threads().add(*this);
  process_->add_thread(*this);
  memory::frames.grow_reserve(reserve_for_frames);
}

Thread::~Thread() {
  end_share(*this);
  clear_last_thread(*this);
  threads().remove(*this);
  memory::frames.grow_reserve(-reserve_for_frames);
}

void Thread::start(Ref<Thread> thread) {
  Thread& self = *thread;
  auto life = async::spawn(run_thread(std::move(thread)),
                           {.name = "thread", .priority = self.level_, .harts = self.harts_});
  self.job_ = &life.job();
  if (self.is_ending()) self.job_->cancel();
  self.update_policy();
  life.detach();
}

const trap::UserContext& Thread::current_context() {
  trap::fpu::save(context_.get());
  return context_.get();
}

void Thread::start_program(const trap::UserContext& start) {
  // No hart may take this thread for its current one: so prepare_to_run() switches to the new
  // address space, here and on the hart where the thread ran last.
  leave_current_thread();
  clear_last_thread(*this);
  trap::fpu::drop(context_.get());
  context_.get() = start;
  context_.get().cause = trap::UserContext::entered_program;
  trap::route<trap::Origin::yield_point, trap::Why::voluntary>();
  clear_child_tid = 0;
  robust_list = 0;
  pi_lock::abandon_all(*this);
  share_priority(0);
  release_vfork_waiter();
  if (trace::is_on()) trace::note_thread(*this);
}

void Thread::release_vfork_waiter() {
  if (vfork_waiter_ != nullptr) std::exchange(vfork_waiter_, nullptr)->set();
}

void Thread::take_first_id() {
  if (id_ == process_->id()) return;
  threads().remove(*this);
  id_ = process_->id();
  threads().add(*this);
}

void Thread::end() {
  if (is_ending()) return;
  pending_flags_.fetch_or(ends);
  update_level();
  if (job_ == nullptr) return;
  job_->cancel();
  notice();
}

void Thread::post_events() {
  pending_flags_.fetch_or(has_events);
  wake();
  notice();
}

void Thread::notice() {
  // A thread that does not run sees its flags before it runs its program. Pairs with the fence in
  // Executor::begin_step_smp().
  const bool runs = async::Executor::is_running(*job_);
  if (runs && job_->hart != hal::hart_index()) hal::send_ipi(job_->hart);
}

void Thread::set_signal_mask(abi::SignalSet mask) {
  signal_mask_ = mask & ~unblockable;
  const abi::SignalSet deliverable = pending_ & ~signal_mask_;
  pending_ &= ~deliverable;
  for_each_signal(deliverable, [this](abi::Signal signal) { post_signal(signal); });
  process_->deliver_pending(*this);
}

void Thread::post_signal(abi::Signal signal) {
  if (process_->is_ending() || process_->signal_actions().ignores(signal)) return;
  if ((signal_mask_ & abi::set_of(signal)) != 0) {
    pending_ |= abi::set_of(signal);
  } else {
    process_->terminate(abi::WaitStatus::killed(signal));
  }
}

void Thread::set_schedule(const Schedule& schedule) {
  const Schedule before = std::exchange(schedule_, schedule);
  change_share(*this, before);
  update_level();
  update_policy();
}

void Thread::hint_work(async::Instant due, std::uint32_t weight) {
  work_due_ = due;
  work_weight_ = weight;
  update_policy();
}

void Thread::update_policy() {
  if (job_ == nullptr || async::current_executor().policy() == nullptr) return;
  if (job_->hart != hal::hart_index()) {
    pending_flags_.fetch_or(has_attributes);
    return notice();
  }
  const Reservation& reserved = schedule_.reservation;
  async::Executor::set_attributes(*job_,
                                  {.deadline = work_due_,
                                   .weight = work_weight_ != 0 ? work_weight_ : schedule_.weight(),
                                   .budget = reserved.runtime,
                                   .period = reserved.deadline});
}

void Thread::set_harts(async::HartMask harts) {
  harts_ = harts;
  if (job_ == nullptr) return;
  async::current_executor().set_harts(*job_, harts);
  notice();
}

void Thread::set_ring(std::unique_ptr<Ring> ring) {
  ring_ = std::move(ring);
}

void Thread::set_cpu_bound(bool cpu_bound) {
  if (cpu_bound_ == cpu_bound) return;
  cpu_bound_ = cpu_bound;
  update_level();
}

void Thread::share_priority(std::uintptr_t address) {
  shared_priority_ = address;
  demotion_ = 0;
  update_level();
}

void Thread::demote_by(std::uint8_t levels) {
  if (demotion_ == levels) return;
  demotion_ = levels;
  update_level();
}

void Thread::update_level() {
  const unsigned limit = schedule_.level();
  const bool is_in_ring = cpu_bound_ && schedule_.is_ordinary();
  const unsigned lowest = std::max(limit, Schedule::lowest_level);
  const unsigned level = is_in_ring ? Schedule::ring_level : std::min(limit + demotion_, lowest);
  level_ = static_cast<std::uint8_t>(level);
  preempt_threshold_ =
      static_cast<std::uint8_t>(schedule_.is_ordinary() ? Schedule::ring_level : limit);
  if (shared_priority_ != 0 || schedule_.is_deadline()) preempt_threshold_ = async::priorities - 1;
  if (is_ending()) level_ = Schedule::ending_level;
  yield_threshold_ = static_cast<std::int8_t>(schedule_.is_deadline() ? -1 : level_ + 1);
  if (job_ != nullptr) async::current_executor().set_priority(*job_, level_);
}

bool Thread::is_ready() const {
  return job_ != nullptr && job_->kind == async::Kind::ready;
}

async::Duration Thread::cpu_time() const {
  return async::Duration{hal::ticks_in_ns(cpu_ticks + running_ticks(*this))};
}

}  // namespace kernel
