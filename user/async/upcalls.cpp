#include "user/upcalls.h"

#include <async/policy.h>
#include <trap/stack_switch.h>

#include "stack_pool.h"
#include "user/async.h"
#include "user/check.h"
#include "user/stackful.h"

namespace user::detail {
namespace {

/// For jobs that use a context, which belongs to this loop.
async::HartMask only_here() {
  return several_loops ? async::hart_mask(async::platform::hart()) : async::all_harts;
}

constexpr unsigned stack_size = Stackful::size_of(256 * 1024);

}  // namespace

StepState& step_of_coroutine() {
  static_cast<void>(Loop::current());
  return this_step();
}

Upcalls& Upcalls::current() {
  return Loop::current().upcalls();
}

void Upcalls::start() {
  const auto entry = reinterpret_cast<std::uintptr_t>(&enter);
  if (call(abi::upcall_set_up, &header_, entry, contexts, user_data_)) prepare_stack();
  if constexpr (several_loops) thread_ = thread_id();
}

Upcalls::~Upcalls() {
  for (Kept& kept : kept_) {
    abandon(kept);
    if (kept.stack != nullptr) StackPool::give_back(kept.stack);
  }
  if (next_ != nullptr) StackPool::give_back(next_);
}

// Provides the stack of the next upcall; none if all stacks are in use or memory is short.
void Upcalls::prepare_stack() {
  constexpr unsigned most_stacks = contexts + several_loops;  // with several, also the loop's own
  if (next_ == nullptr && stacks_.load(std::memory_order_relaxed) < most_stacks) {
    next_ = stack_pool().take(stack_size);
    if (next_ != nullptr) stacks_.fetch_add(1, std::memory_order_relaxed);
  }
  header_.stack = reinterpret_cast<std::uintptr_t>(next_);
}

// The kernel calls this on the stack `next_`, with upcalls disabled.
void Upcalls::enter(std::uint64_t context, abi::Upcall why) {
  Upcalls& self = current();
  self.preemption_ = std::exchange(this_step().preemption, StepState::Preemption::none);
  switch (why) {
    case abi::Upcall::for_fault: self.on_fault(context);
    case abi::Upcall::for_exception: self.on_exception(context);
    default: self.on_notification(context);
  }
}

void Upcalls::resume(std::uint64_t context, std::uint32_t open) {
  static_cast<void>(call(abi::upcall_resume, context, open));
  fail("the kernel cannot resume a step");
}

// Resumes the step of `kept`. Its owner may use `kept` again as soon as the kernel has done so.
void Upcalls::resume(const Kept& kept) {
  const std::uint64_t context = number_of(kept);
  if (kept.owner == this) resume(context, what_it_takes());
  static_cast<void>(call(abi::upcall_resume_of, kept.owner->thread_, context, what_it_takes()));
  fail("the kernel cannot resume a step of another loop");
}

// The loop runs on `stack` from now on, or is about to; null: the thread's own.
void Upcalls::set_own(Stack* stack) {
  own_ = stack;
  switch_step(stack);
}

// Keeps the interrupted step of the running job. The loop now owns the upcall's stack.
Upcalls::Kept& Upcalls::keep(std::uint64_t context) {
  Kept& kept = kept_[context];
  Stack* const stack = own_;
  set_own(std::exchange(next_, nullptr));
  kept = Kept{};
  kept.job = &async::current_job();
  kept.owner = this;
  kept.stack = stack;
  kept.is_at_home = stack == nullptr;
  kept.stackful = std::exchange(running_stackful(), nullptr);
  kept.attempt = attempt_;
  kept.cleanups = std::exchange(cleanups_, nullptr);
  kept.preemption = preemption_;
  kept.spin_locks = std::exchange(async::platform::local().spin_locks, 0);
  set_attempt(nullptr);
  keep_due_preemption();
  return kept;
}

// The step no longer counts as one that holds spin locks. A preemption that these held back is
// still due.
void Upcalls::keep_due_preemption() {
  if (std::exchange(async::platform::local().preemption_held_back, false)) {
    this_step().held_back = preempt_now;
  }
}

// Suspends the running job, and keeps its interrupted step.
Upcalls::Kept& Upcalls::keep_step(std::uint64_t context, const char* reason) {
  Kept& kept = keep(context);
  async::Job& job = *kept.job;
  kept.binding.begin(job);
  kept.interrupted() = job.leaf();
  job.prepare(nullptr, reason);
  job.suspend_alone(kept.handle());
  // The executor, which tells the policy of each wait, is on the stack that this step keeps.
  if (async::Policy* const policy = async::current_executor().policy()) policy->stopped(job);
  if constexpr (several_loops) leave_strand(job);
  prepare_stack();
  return kept;
}

// The step of `job` stops, and its hart leaves the strand, as in an await.
void Upcalls::leave_strand(const async::Job& job) {
  async::Local& local = async::platform::local();
  if (local.has_list_lock || (local.in_strand && job.is_parallel()))
    fail("a page fault or an exception stops a function of async/");
  local.job = nullptr;
  if (local.in_strand) async::Strand::leave();
}

void Upcalls::end_wait(Kept& kept) {
  kept.can_go_on = true;
  if (current().are_scarce()) {
    kept.goes_first = true;
    kept.priority = kept.job->base_priority();
    async::current_executor().set_priority(*kept.job, 0);
  }
  kept.job->complete(async::WaitResult::woken);
}

// The executor calls this in place of resuming the coroutine.
void Upcalls::go_on(void* frame) noexcept {
  Kept& kept = Kept::from<Kept>(frame);
  if (!kept.can_go_on) {  // cancelled or timed out: its page-in or handler has not ended yet
    kept.job->suspend_alone(kept.handle());
    return;
  }
  if (current().must_let_others_go_first(kept)) return;
  kept.job->set_leaf(kept.interrupted());
  kept.binding.end(*kept.job);
  if (std::exchange(kept.was_preempted, false))
    kept.owner->preempted_.fetch_add(-1u, std::memory_order_relaxed);
  if (kept.goes_first) async::current_executor().set_priority(*kept.job, kept.priority);
  current().leave_for(kept);
}

// A notification or a completion may have come since the loop has picked the job of the step. A
// step that allows preemption looks for it only when it leaves a lock, so the loop must look now.
// True: a more urgent job is ready, and the job of the step is again the first of its level.
// Otherwise upcalls are disabled. If one is due until the kernel resumes the step, the kernel makes
// it then.
bool Upcalls::must_let_others_go_first(const Kept& kept) {
  close();
  if (this_step().held_back != nullptr) {
    Loop::current().take_arrived();
  } else if (kept.preemption == StepState::Preemption::none) {
    return false;
  }
  Loop& loop = Loop::current();
  async::Executor& executor = async::current_executor();
  for (;;) {
    loop.prepare_to_compute();
    if (executor.has_ready_above(kept.job->priority)) break;
    if (!loop.has_mail()) return false;
    // This drains the inbox. If it makes no more urgent job ready, the loop prepares again.
    if (executor.preempts(kept.job->priority)) break;
  }
  executor.schedule_first(*kept.job);
  open();
  return true;
}

// Abandons the loop on this stack and resumes the kept step on its own stack. Upcalls stay disabled
// until then. When the step ends, the loop below it on that stack continues.
void Upcalls::leave_for(Kept& kept) {
  set_attempt(kept.attempt);
  cleanups_ = std::exchange(kept.cleanups, nullptr);
  leave_own();
  if (kept.owner != this && kept.stack != nullptr) {
    kept.owner->stacks_.fetch_add(-1u, std::memory_order_relaxed);
    stacks_.fetch_add(1, std::memory_order_relaxed);
  }
  set_own(std::exchange(kept.stack, nullptr));
  running_stackful() = kept.stackful;
  async::platform::local().spin_locks = kept.spin_locks;
  if (!kept.has_failed) {
    this_step().preemption = kept.preemption;
    resume(kept);
  }
  must(call(abi::upcall_drop, number_of(kept)), "dropping a step");
  fail_attempt(kept.attempt->exception);
}

// The loop is about to leave its stack, which it still uses until the next upcall. So that upcall
// gets this stack, and the one that it would have got goes to a pool, perhaps of another loop.
void Upcalls::leave_own() {
  if (own_ != nullptr) {
    give_back(next_);
    next_ = own_;
  }
  prepare_stack();
}

// Puts a stack that is not in use into its pool. It may be null.
void Upcalls::give_back(Stack*& stack) {
  if (stack == nullptr) return;
  StackPool::give_back(std::exchange(stack, nullptr));
  stacks_.fetch_add(-1u, std::memory_order_relaxed);
}

void Upcalls::leave_home() {
  if constexpr (several_loops) {
    Stack* const stack = stack_pool().take(stack_size);
    if (stack == nullptr) return;
    stacks_.fetch_add(1, std::memory_order_relaxed);
    set_own(stack);
    trap::StackContext home;  // go_home() uses home_ instead
    trap::leave_stack(home, reinterpret_cast<std::uintptr_t>(stack), Loop::run_for_ever);
  }
}

// The step never resumes. A preempted step may be in the middle of a change of its objects.
void Upcalls::abandon(Kept& kept) {
  if (!kept.was_preempted) clean_up(kept);
}

// Destroys the Guarded objects of a step that never resumes. They may release its spin locks.
void Upcalls::clean_up(Kept& kept) {
  std::uint32_t& spin_locks = async::platform::local().spin_locks;
  const std::uint32_t before = std::exchange(spin_locks, kept.spin_locks);
  clean_up(kept.cleanups, nullptr);
  spin_locks = before;
  keep_due_preemption();
}

void Upcalls::go_home() {
  if (own_ == nullptr) return;
  // Abandon a step that was kept on the thread's own stack: the loop is about to reuse that stack.
  for (Kept& kept : kept_) {
    if (kept.is_at_home) abandon(kept);
  }
  leave_own();
  set_own(nullptr);
  longjmp(*home_, 1);
}

// The upcall for a notification or a page returns to the step that it has interrupted.
void Upcalls::restore_interrupted_step() {
  header_.stack = reinterpret_cast<std::uintptr_t>(next_);
  this_step().preemption = preemption_;
}

// ── Pages ──

// Whether the interrupted step may be in the middle of a change of data that other coroutines use.
bool Upcalls::must_not_switch() const {
  return preemption_ == StepState::Preemption::forbidden || this_step().is_cleaning ||
         async::platform::local().spin_locks != 0;
}

void Upcalls::on_fault(std::uint64_t context) {
  if (must_not_switch()) {
    restore_interrupted_step();
    // The instruction faults again, and the thread waits for the page.
    resume(context, what_it_takes() & ~abi::upcalls_take_pages);
  }
  keep_step(context, "a page");
  ++waiting_;
  ++pages_;
  Loop::run_for_ever();
}

void Upcalls::end_wait(std::uint64_t user_data, int signal, std::uint32_t hart) {
  Kept& kept = kept_[user_data - user_data_];
  --waiting_;
  if (hart != current_hart()) ++pages_elsewhere_;
  if (signal == 0) return end_wait(kept);
  ++exceptions_;
  if (kept.attempt == nullptr) return handle(kept);
  kept.attempt->exception = exception(number_of(kept), *kept.job);
  kept.has_failed = true;
  end_wait(kept);
}

// ── Exceptions ──

void Upcalls::report_overflows() {
  if (std::exchange(reports_overflows_, true)) return;
  open();
}

void Upcalls::die(std::uint64_t context) {
  must(call(abi::upcall_die, context), "ending by an exception");
  fail("the kernel cannot end the program");
}

void Upcalls::on_exception(std::uint64_t context) {
  ++exceptions_;
  if (context != abi::no_context) {
    if (on_exception_ == nullptr) {  // no job may run any more: the exception may be in the heap
      report_overflow(exception(context, async::current_job()));
      die(context);
    }
    handle(keep_step(context, "the handler of an exception"));
    Loop::run_for_ever();
  }
  fail_attempt(exception(context, async::current_job()));
}

// Runs on another stack than the attempt, so that the attempt's frames stay intact during the
// cleanups.
void Upcalls::fail_attempt(const Exception& exception) {
  attempt_->exception = exception;
  clean_up(cleanups_, attempt_->cleanups);
  longjmp(attempt_->point, 1);
}

// Objects such as Lock change this_step() as if the step that owns them ran.
void Upcalls::clean_up(Cleanup*& innermost, const Cleanup* end) {
  const auto preemption = this_step().preemption;
  this_step().is_cleaning = true;
  while (innermost != end) {
    Cleanup& cleanup = *std::exchange(innermost, innermost->outer_);
    cleanup.run_(cleanup);
  }
  this_step().preemption = preemption;
  this_step().is_cleaning = false;
}

// An exception can occur at any instruction: the fences make the compiler write the list and its
// objects to memory in this order.
void Cleanup::link() {
  const Stay stay;
  Upcalls& upcalls = Upcalls::current();
  outer_ = upcalls.cleanups_;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  upcalls.cleanups_ = this;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void Cleanup::unlink() {
  const Stay stay;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  Upcalls& upcalls = Upcalls::current();
  if (upcalls.cleanups_ != this) fail("a Guarded object has outlived its step");
  upcalls.cleanups_ = outer_;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void Upcalls::set_attempt(Attempt* attempt) {
  attempt_ = attempt;
  // A step that is preempted here writes the header again when it resumes.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const auto stack = reinterpret_cast<std::uintptr_t>(landing_.data() + landing_.size());
  header_.attempt_stack = attempt != nullptr ? stack : 0;
}

Exception Upcalls::exception(std::uint64_t context, const async::Job& job) {
  abi::UpcallException exception;
  must(call(abi::upcall_exception, context, &exception), "reading an exception");
  return {exception.signal, exception.address, exception.pc, job.name()};
}

void Upcalls::handle(Kept& kept) {
  if (on_exception_ == nullptr) die(number_of(kept));
  async::spawn(judge(kept, exception(number_of(kept), *kept.job)),
               {.name = "exception handler",
                .priority = are_scarce() ? std::uint8_t{0} : kept.job->priority,
                .harts = only_here()})
      .detach();
}

async::Task<> Upcalls::judge(Kept& kept, Exception exception) {
  switch (co_await on_exception_(exception)) {
    case Verdict::retry: end_wait(kept); break;
    case Verdict::leave: leave_behind(kept); break;
    case Verdict::die: die(number_of(kept));
  }
}

// Abandons the job: it never becomes ready again. Frees its context and the stack of the loop below
// its step. A stackful job keeps its own stack.
void Upcalls::leave_behind(Kept& kept) {
  static constinit Kept left{stay};
  kept.job->set_leaf(left.handle());
  must(call(abi::upcall_drop, number_of(kept)), "dropping a step");
  clean_up(kept);
  give_back(kept.stack);
  prepare_stack();
}

void Upcalls::stay(void* left) noexcept {
  async::current_job().suspend_alone(std::coroutine_handle<>::from_address(left));
}

// ── Notifications ──

std::uint64_t Upcalls::take_pending() {
  const std::uint64_t masked = header_.masked;
  const std::uint64_t bits = std::atomic_ref{header_.pending}.fetch_and(masked) & ~masked;
  if (bits != 0 && on_notification_ != nullptr) on_notification_(bits);
  return bits;
}

void Upcalls::on_notification(std::uint64_t context) {
  arrived_.fetch_or(take_pending());
  if (preemption_ != StepState::Preemption::allowed || this_step().is_cleaning) {
    this_step().held_back = preempt_now;
  } else if (async::platform::local().spin_locks != 0) {
    async::platform::local().preemption_held_back = true;
  } else {
    preempt_if_due(context);
  }
  restore_interrupted_step();
  resume(context, what_it_takes());
}

// Wakes the coroutines that wait for the notifications, for completions, or for a time that has
// come. If one of them is more urgent than the interrupted step, or the step's time slice is over,
// runs the loop on the upcall's stack until the executor picks the job of the step.
void Upcalls::preempt_if_due(std::uint64_t context) {
  Loop& loop = Loop::current();
  loop.take_arrived();
  const bool may_keep = preempted_.load(std::memory_order_relaxed) < most_preempted;
  const Loop::Due due = loop.prepare_unless_due(async::current_job(), may_keep);
  if (due == Loop::Due::nothing) return;
  if constexpr (several_loops) loop.stop_listening();
  ++preemptions_;
  preempted_.fetch_add(1, std::memory_order_relaxed);
  Kept& kept = keep(context);
  if (kept.stack == nullptr) kept.binding.begin(*kept.job);
  kept.can_go_on = kept.was_preempted = true;
  kept.interrupted() = kept.job->leaf();
  kept.job->set_leaf(kept.handle());
  prepare_stack();
  async::Executor::ready_again(due == Loop::Due::end_of_slice);
  Loop::run_for_ever();
}

void preempt_now() {
  if (this_step().allows_preemption()) {
    // The kernel makes an upcall at the end of the call, which keeps the step's registers.
    static_cast<void>(notify(thread_id(), 0));
  } else {
    this_step().held_back = preempt_now;
  }
}

std::uint64_t Upcalls::take_notifications() {
  this_step().held_back = nullptr;
  const std::uint64_t bits = take_pending();
  return bits | arrived_.exchange(0);
}

void Upcalls::mask(std::uint64_t bits) {
  std::atomic_ref{header_.masked}.store(bits);
  while (has_pending()) {
    close();
    arrived_.fetch_or(take_pending());
    open();
  }
  if (has_notifications() || this_step().preemption != StepState::Preemption::none) {
    this_step().held_back = preempt_now;
  }
  set_preemption(this_step(), this_step().preemption);
}

void begin_preemptible() noexcept {
  set_preemption(this_step(), StepState::Preemption::forbidden);
  // With several loops, no other hart could enter the strand while its step is preempted.
  if (several_loops && !async::current_job().is_parallel()) return;
  Upcalls::current().open();
  // The kernel writes a completion, then looks whether upcalls take it (kernel/rings/upcalls.cpp).
  // This thread has opened upcalls, and looks for completions. The fences on both sides make at
  // least one of them see the other's store.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (Loop::current().prepare_unless_due(async::current_job(), true) != Loop::Due::nothing)
    this_step().held_back = preempt_now;
  set_preemption(this_step(), StepState::Preemption::allowed);
}

void end_preemptible() noexcept {
  // From now on the step stays on its loop.
  if constexpr (several_loops) set_preemption(this_step(), StepState::Preemption::forbidden);
  Upcalls::current().take_no_completions();
  set_preemption(this_step(), StepState::Preemption::none);
  if constexpr (several_loops) Loop::current().stop_listening();
}

UpcallCounts Upcalls::counts() const {
  return {.pages = pages_,
          .pages_elsewhere = pages_elsewhere_,
          .notifications = std::atomic_ref{header_.sent}.load(std::memory_order_relaxed),
          .interruptions = std::atomic_ref{header_.delivered}.load(std::memory_order_relaxed),
          .exceptions = exceptions_,
          .preemptions = preemptions_};
}

}  // namespace user::detail
