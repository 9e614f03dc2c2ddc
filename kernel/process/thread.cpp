#include "process/thread.h"

#include <trap/fpu.h>
#include <trap/simulated_trap.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "memory/frames.h"
#include "process/life.h"
#include "process/pi_lock.h"
#include "process/signal_delivery.h"
#include "sched/real_time_limit.h"
#include "sched/restartable.h"
#include "sched/running.h"
#include "trace/points.h"

namespace kernel {

constinit IdTable<Thread> thread_table;

namespace {

/// Memory in reserve for each thread, in bytes: the most that its coroutines' frames need.
constexpr std::ptrdiff_t reserve_for_frames = 1024;

}  // namespace

Thread::Thread(int id, Ref<Process> process, const trap::UserContext& context, Schedule schedule)
    : Runnable{context, process->space(), schedule}, id_{id}, process_{std::move(process)} {
  process_->add_thread(*this);
  memory::frames.grow_reserve(reserve_for_frames);
}

void Thread::destroy(const Thread* thread) {
  if (async::Strand::is_held()) {
    delete thread;
  } else if (thread->hart == hal::hart_index()) {
    async::Retired::add(const_cast<Thread*>(thread));
  } else {  // the destructor uses what another hart holds of the thread
    async::Retired::add_for_strand(const_cast<Thread*>(thread), false);
  }
}

Thread::~Thread() {
  delete static_cast<ThreadRequests*>(follower);
  memory::frames.grow_reserve(-reserve_for_frames);
}

void Thread::start(Ref<Thread> thread) {
  Thread& self = *thread;
  Process& process = self.process();
  if (self.id() == process.id()) processes().add(process);
  threads().add(self);
  const bool is_shared = async::Strand::is_shared();
  if (is_shared) self.hart = static_cast<std::uint8_t>(hal::hart_index());
  async::spawn_detached(
      run_thread(std::move(thread)),
      {{.name = "thread", .priority = self.level(), .harts = self.harts()}, is_shared},
      [&self](async::Job& job) { self.set_job(&job); });
}

void Thread::start_program(trap::UserContext& start) {
  async::Strand::check_access();
  leave_all_harts();
  trap::simulate_trap<trap::Cause::execve>(context(), {.registers = &start});
  process().set_start_stack(start.stack());
  clear_child_tid = 0;
  robust_list = 0;
  set_sequences({});
  reset_rare_settings();
  pi_lock::abandon_all(*this);
  share_priority(0);
  release_vfork_waiter();
  if (trace::is_on()) note_in_trace();
}

void Thread::make_syscall_counts() {
  const async::Strand::Guard strand;
  if (memory::can_allocate(sizeof(SyscallCounts))) syscall_counts_ = new SyscallCounts;
}

void Thread::end_counts() {
  async::Strand::check_access();
  end_counted_call();
  std::unique_ptr<SyscallCounts> counts{std::exchange(syscall_counts_, nullptr)};
  const auto observed = process_->observe();
  if (!observed) return;
  if (auto& ended = (*observed)->ended; ended != nullptr) {
    ended->add(*counts);
  } else {
    ended = std::move(counts);
  }
}

void Thread::handle_pending_flags() {
  async::Strand::check_access();
  if (!has_only(has_signals) || tracee() != nullptr) return handle_any_flags();
  take(has_signals);
  deliver_signals(*this);
}

[[gnu::noinline]] void Thread::handle_any_flags() {
  if (consume_events()) ring_->deliver_notifications();
  pass_new_attributes();
  end_counted_call();
  if (take(was_preempted)) restart_sequence(*this);
  if (has(must_stop_for_tracer)) [[unlikely]] {
    take(must_stop_for_tracer);
    end_interruption();
    if (tracee() != nullptr) tracee()->begin_pending_stop();
  }
  // A thread that has stopped for its tracer, or is about to make the call that it has reported,
  // takes its signals later.
  if (tracee() != nullptr && (tracee()->is_stopped() || tracee()->is_about_to_call())) [[unlikely]]
    return;
  if (take(has_signals)) deliver_signals(*this);
}

std::string_view Thread::name() const {
  if (rare_settings_ != nullptr && rare_settings_->name) return rare_settings_->name->data();
  return process_->name().substr(0, name_bytes - 1);
}

Result<> Thread::set_name(std::string_view name) {
  if (auto made = make_rare_settings(); !made) return made;
  auto& own = rare_settings_->name.emplace();
  name.copy(own.data(), name_bytes - 1);
  return {};
}

void Thread::note_in_trace() {
  trace::note_thread(process_->id(), id_, process_->name());
}

void Thread::release_vfork_waiter() {
  if (vfork_waiter_ == nullptr) return;
  async::Strand::check_access();
  std::exchange(vfork_waiter_, nullptr)->set();
}

void Thread::take_first_id() {
  if (id_ == process_->id()) return;
  async::Strand::check_access();
  threads().remove(*this);
  id_ = process_->id();
  threads().add(*this);
}

void Thread::post_events() {
  // has_events is set before wake(): the woken thread tests it.
  set(has_events);
  wake();
  notice();
}

// ── Signals ──

void Thread::take_unblocked_signals() {
  async::Strand::check_access();
  const SignalActions& actions = process_->signal_actions();
  bool must_take = false;
  for_each_signal(pending_signals() & ~signal_mask_, [&](abi::Signal signal) {
    if (actions.effect(signal) == SignalActions::Effect::end && tracee() == nullptr) {
      process_->terminate(abi::WaitStatus::killed(signal));
    } else {
      must_take = true;
    }
  });
  if (must_take) request_signals();
  // This thread may have been chosen, and now blocks the signal.
  if (process_->has_pending_signals()) process_->choose_takers();
}

Result<> Thread::set_temporary_mask(abi::SignalSet mask) {
  if (auto made = make_rare_settings(); !made) return made;
  if (!rare_settings_->mask_before) rare_settings_->mask_before = signal_mask_;
  set_signal_mask(mask);
  return {};
}

void Thread::end_temporary_mask() {
  set_signal_mask(*std::exchange(rare_settings_->mask_before, std::nullopt));
}

bool Thread::post_signal(const abi::SignalInfo& info) {
  async::Strand::check_access();
  if (process_->is_ending()) return false;
  const auto signal = static_cast<abi::Signal>(info.signal);
  const abi::SignalSet bit = abi::set_of(signal);
  if (!process_->keeps_signal(signal, may_take(bit) && !awaits(bit))) return false;
  const bool is_added = pending_.add(info);
  if (!process_->signal_arrivals().empty()) [[unlikely]]
    process_->signal_arrivals().wake_all();
  if (may_take(bit)) request_signals();
  return is_added;
}

bool Thread::take_signal(abi::SignalSet wanted, abi::SignalInfo& taken) {
  if (!pending_.take_only(wanted, taken)) [[unlikely]]
    return take_any_signal(wanted, taken);
  if (taken.code == abi::si_timer) [[unlikely]]
    note_taken(taken);
  return true;
}

[[gnu::noinline]] bool Thread::take_any_signal(abi::SignalSet wanted, abi::SignalInfo& taken) {
  if (!pending_.take_any(wanted, taken) && !process_->take_signal(wanted, taken)) return false;
  note_taken(taken);
  return true;
}

[[gnu::noinline]] void Thread::note_taken(abi::SignalInfo& taken) {
  const bool may_be_of_timer =
      taken.code == abi::si_timer || taken.signal == static_cast<int>(abi::Signal::sigalrm);
  if (may_be_of_timer && process_->signal_timers() != nullptr) {
    process_->signal_timers()->note_taken(taken);
  }
}

void Thread::request_signals() {
  async::Strand::check_access();
  set(has_signals);
  if (job() == nullptr) return;
  if (!waiting().empty()) [[unlikely]]
    return end_wait_for_signals();
  notice();
}

[[gnu::noinline]] void Thread::end_wait_for_signals() {
  if (hold_ == Hold::none && is_in_interruptible_call()) interrupt_wait();
  notice();
}

bool Thread::is_held() const {
  return is_stopped() || has(is_throttled_real_time) || has(is_ahead);
}

async::Task<> Thread::await_release() {
  if (tracee() != nullptr && tracee()->is_stopped()) return await_tracer();
  if (take(is_throttled_real_time)) return rest();
  return take(is_ahead) ? await_follower() : await_resume();
}

/// Yields until then, because the follower's jobs need the strand. If such a job is still on
/// another hart, that hart sends it to this one.
async::Task<> Thread::await_follower() {
  save_hart_state(*this);
  hold_ = Hold::throttled;  // its last call is over, so no signal interrupts it
  while (follower != nullptr && follower->is_behind() && !is_ending()) co_await async::yield();
  hold_ = Hold::none;
  on_wakeup(*this);
}

async::Task<> Thread::rest() {
  save_hart_state(*this);
  real_time_limit::begin();
  hold_ = Hold::throttled;
  (void)co_await async::sleep_until(real_time_limit::end(), "the end of throttling");
  hold_ = Hold::none;
  on_wakeup(*this);
}

async::Task<> Thread::await_resume() {
  save_hart_state(*this);
  hold_ = Hold::stopped;
  process_->note_stopped_thread();
  while (stops_with_process() && !is_ending()) (void)co_await async::park("stop");
  hold_ = Hold::none;
  if (process_->is_stopped()) process_->forget_stopped_thread();
  on_wakeup(*this);
}

async::Task<> Thread::await_tracer() {
  save_hart_state(*this);
  trap::fpu::release(context());
  const bool repeats_call = tracee()->repeats_call();
  const std::uint64_t stopped_at = context().program_counter();
  hold_ = Hold::traced;
  tracee()->report();
  while (tracee() != nullptr && tracee()->is_stopped() && !is_ending())
    (void)co_await async::park("tracer");
  hold_ = Hold::none;
  const bool is_there = context().program_counter() == stopped_at;  // the tracer may change it
  if (repeats_call && is_there) context().go_back_to_syscall_instruction();
  if (repeats_call && tracee() != nullptr) tracee()->note_resumed_call(is_there);
  on_wakeup(*this);
}

void Thread::resume() {
  if (tracee() != nullptr) tracee()->set_runs_in_stop(false);
  request_signals();  // the thread decides whether its interrupted call is made again
  if (job() != nullptr) async::Executor::unpark(*job());
}

bool Thread::is_in_interruptible_call() {
  return is_interruptible(*this, context());
}

void Thread::interrupt_wait() {
  if (is_ending() || interruption_ == Interruption::wait) return;
  interruption_ = Interruption::wait;
  overwritten_ = context().syscall_result();
  keep_deadline(waiting().deadline());
  if (!is_uninterrupted_) job()->cancel();
}

Thread::WithoutInterruption::WithoutInterruption(Thread& self)
    : self_{self.is_current_job() && !self.is_uninterrupted_ ? &self : nullptr} {
  if (self_ == nullptr) return;
  self.is_uninterrupted_ = true;
  if (self.interruption_ == Interruption::wait && !self.is_ending()) self.job()->revoke_cancel();
}

Thread::WithoutInterruption::~WithoutInterruption() {
  if (self_ == nullptr) return;
  self_->is_uninterrupted_ = false;
  if (self_->interruption_ == Interruption::wait) self_->job()->cancel();
}

void Thread::interrupt_call() {
  interruption_ = Interruption::call;
  overwritten_ = context().syscall_result();
  request_signals();
}

void Thread::end_interruption() {
  if (interruption_ != Interruption::wait || is_ending()) return;
  job()->revoke_cancel();
  const trap::Register interrupted = trap::encode_error(Errno::eintr);
  const bool has_ended_call = context().syscall_result() == interrupted;
  interruption_ = has_ended_call ? Interruption::call : Interruption::none;
  if (!has_ended_call) forget_deadline();
}

std::optional<std::uint64_t> Thread::take_interrupted_call() {
  if (!has_interrupted_call()) return {};
  interruption_ = Interruption::none;
  return overwritten_;
}

Result<> Thread::make_rare_settings() {
  if (rare_settings_) return {};
  if (!memory::can_allocate(sizeof(RareSettings))) return fail(Errno::enomem);
  rare_settings_ = std::make_unique<RareSettings>();
  return {};
}

async::Task<> Thread::close_ring() {
  co_await ring_->close();
  async::Strand::check_access();
  ring_.reset();
  (void)consume_events();  // the program gets no more events
}

async::Task<> Thread::close_rings() {
  if (ring_ != nullptr) co_await close_ring();
  if (follower == nullptr) co_return;
  auto* const requests = static_cast<ThreadRequests*>(follower);
  co_await requests->close();
  async::Strand::check_access();
  follower = nullptr;
  delete requests;
}

void Thread::set_uring_requests(std::unique_ptr<ThreadRequests> requests) {
  async::Strand::check_access();
  follower = requests.release();
}

}  // namespace kernel
