// The loop of a program's executor. It runs steps while jobs are ready; then it waits for a
// completion in the ring or for the next timer.
#include <async/policy/kinds.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <utility>

#include "user/async.h"
#include "user/check.h"

namespace user::detail {
namespace {

constexpr std::uint32_t ring_submissions = 64;
constexpr std::uint32_t spare_places = 16;  // submissions for the timer and for cancellations
constexpr int steps_between_polls = 64;
constexpr std::uint64_t no_alarm = ~std::uint64_t{0};
constexpr std::uint64_t farthest_alarm = INT64_MAX;
constexpr async::Duration shortest_slice{50'000};

// User data of completions that belong to no Operation. The completion of an Operation has the
// address of the Operation.
constexpr std::uint64_t timer_data = 0;
constexpr std::uint64_t cancel_data = 1;
constexpr std::uint64_t bell_data = 2;
// The user data of context 0. That of context i is greater by i, and below any valid address.
constexpr std::uint64_t context_data = 3;

constinit std::atomic<std::size_t> mapped_bytes = 0;

std::uint32_t completions_for(const RunOptions& options) {
  return std::bit_ceil(std::clamp(options.calls, ring_submissions, abi::most_completions));
}

}  // namespace

void* map_chunk(std::size_t bytes) noexcept {
  mapped_bytes.fetch_add(bytes, std::memory_order_relaxed);
  return must(map_memory(bytes, abi::prot_read | abi::prot_write), "memory for coroutines");
}

void fail_in_async(const char* what) noexcept {
  static_cast<void>(write(standard_error, what));
  static_cast<void>(write(standard_error, "\n"));
  std::abort();
}

Result<Ring> Loop::make_ring(const RunOptions& options) {
  return Ring::make({.submissions = ring_submissions, .completions = completions_for(options)});
}

Ring ring_for_run(const RunOptions& options) {
  auto ring = Loop::make_ring(options);
  if (!ring && Loop::is_running()) fail_in_async("a job of run() calls run()");
  return must(std::move(ring), "a ring for the program's coroutines");
}

Loop::Loop(const RunOptions& options, Ring ring)
    : upcalls_{context_data, options.on_notification, options.on_exception, options.fault_harts},
      ring_{std::move(ring)},
      places_{completions_for(options) - spare_places},
      timer_{no_alarm},
      most_calls_{places_.permits()},
      spin_ns_{options.shares_priority
                   ? 0
                   : static_cast<std::uint64_t>(std::max(options.spin.count(), {}))},
      shares_priority_{options.shares_priority} {
  this_loop() = this;
  this_step() = {};
  this_alarm() = no_alarm;
  if constexpr (!several_loops) {
    loop_thread = thread_id();
    has_ended_ = false;
    if (options.harts != 1)
      fail_in_async("run() on several harts needs the library cotrap_user_async_harts");
  }
  async::Local& local = async::platform::local();
  local.spin_locks = 0;  // of steps that an earlier run() has left
  local.preemption_held_back = false;
  upcalls_.start();
  if (shares_priority_) must(call(abi::share_priority, &shared_), "sharing priorities");
  static_assert(sizeof policy_ >= sizeof(async::policy::Memory));
  if (options.policy != nullptr) {
    if (shares_priority_) fail_in_async("run() cannot share priorities under a scheduling policy");
    executor_.set_policy(options.policy->make(policy_.data(), {.seed = async::platform::now_ns()}));
  }
}

Loop& Loop::current() {
  Loop* const loop = this_loop();
  if (loop == nullptr)
    fail_in_async("no coroutine runs: only coroutines under run() may call this");
  return *loop;
}

Loop::~Loop() {
  remove_policy();
  if (shares_priority_) static_cast<void>(call(abi::share_priority, nullptr));
  this_loop() = nullptr;
  if constexpr (!several_loops) loop_thread = 0;
}

void Loop::remove_policy() {
  if (executor_.policy() != nullptr) executor_.set_policy(nullptr);  // the next run() may have none
}

void Loop::run_until_end() {
  jmp_buf home;
  upcalls_.set_home(home);
  if (setjmp(home) == 0) upcalls_.leave_home();
  while (!has_ended()) run_some();
}

void Loop::end_run() {
  has_ended_ = true;
  this_step().held_back = preempt_now;  // makes step() look
  if constexpr (several_loops) ring_other_bells();
}

void Loop::run_for_ever() {
  for (;;) current().run_some();
}

/// A step that was preempted may resume on another thread, which then returns from step().
void Loop::run_some() {
  int steps = 0;
  Loop* loop = this;
  upcalls_.open();
  // Notifications for which the kernel could make no upcall: no stack or no context was free.
  if (upcalls_.has_notifications()) [[unlikely]]
    take_notifications();
  while (steps < steps_between_polls && loop->step()) {
    ++steps;
    if constexpr (several_loops) loop = &current();
  }
  loop->upcalls_.close();
  if (has_ended()) return loop->upcalls_.go_home();
  steps == steps_between_polls ? loop->poll() : loop->wait();
}

bool Loop::step() {
  if constexpr (several_loops) {
    if (has_ended()) return false;
  }
  if (this_step().held_back != nullptr) [[unlikely]] {
    if (has_ended()) return false;
    take_notifications();
    wake_due();
  }
  if (shares_priority_) {
    const unsigned priority = executor_.ready_priority();
    if (priority == async::priorities) return false;
    publish_priority(priority);
  }
  return async::Executor::run_one();
}

/// Publishes the program's priority to the kernel; yields if a more urgent thread is ready.
/// Otherwise makes no system call.
void Loop::publish_priority(unsigned priority) {
  std::atomic_ref{shared_.demotion}.store(priority, std::memory_order_relaxed);
  const std::atomic_ref waiting{shared_.waiting};
  if (waiting.load(std::memory_order_relaxed) >= priority) [[likely]]
    return;
  waiting.store(abi::no_job_waits, std::memory_order_relaxed);
  must(call(abi::share_priority, &shared_), "yielding to the kernel");
}

// ── Submissions ──────────────────────────────────────────────────────────────────────────────────

void Loop::begin(abi::RingSubmission submission, Operation& operation) {
  submission.user_data = reinterpret_cast<std::uintptr_t>(&operation);
  operation.priority = async::current_job().priority;
  ++in_flight_[operation.priority];
  submit(submission);
}

void Loop::cancel(const Operation& operation) {
  submit(user::cancel(reinterpret_cast<std::uintptr_t>(&operation), cancel_data));
}

/// If the ring has no room for the submission, submits the others first. The completions of all
/// in-flight requests have room.
void Loop::submit(const abi::RingSubmission& submission) {
  while (!ring_.add(submission)) {
    must(ring_.enter(), "submitting system calls");
    take_completions();
  }
  submitted_ = true;
}

// ── Completions and time ─────────────────────────────────────────────────────────────────────────

void Loop::take_completions() {
  while (const auto completion = ring_.take()) {
    switch (completion->user_data) {
      case timer_data:
        if (completion->result != -static_cast<std::int32_t>(abi::Errno::ecanceled)) {
          timer_ = no_alarm;
        }
        break;
      case cancel_data: break;
      case bell_data: bell_is_armed_ = false; break;
      default: {
        if (upcalls_.is_about_context(completion->user_data)) {
          upcalls_.end_wait(completion->user_data, completion->result, completion->flags);
          break;
        }
        auto& operation = *reinterpret_cast<Operation*>(completion->user_data);
        operation.result = completion->result;
        --in_flight_[operation.priority];
        places_.release();
        operation.ended.set();
      }
    }
  }
}

/// Called when jobs are ready. Submits system calls, takes the completions that have arrived, and
/// fires a due alarm. Does not wait.
void Loop::poll() {
  if (std::exchange(submitted_, false)) must(ring_.enter(), "submitting system calls");
  take_completions();
  fire_alarm();
}

void Loop::wake_due() {
  take_completions();
  fire_alarm();
}

Loop::Due Loop::find_due(const async::Job& job) {
  wake_due();
  const bool is_urgent = executor_.preempts(job.priority);  // it drains the executor's inbox, too
  async::Policy* const policy = executor_.policy();
  if (policy == nullptr) return is_urgent ? Due::more_urgent : Due::nothing;
  if (policy->tick()) return Due::end_of_slice;
  return executor_.preempts(job.priority) ? Due::more_urgent : Due::nothing;
}

Loop::Due Loop::prepare_unless_due(const async::Job& job, bool may_stop) {
  for (;;) {
    const Due due = find_due(job);
    if (due != Due::nothing && may_stop) return due;
    prepare_to_compute();
    // This test must not drain the inbox: it could take the bell's completion or fire an alarm, and
    // nothing would arm them again. If the inbox has entries, the loop looks and prepares again.
    const bool is_due = may_stop && executor_.has_ready_above(job.priority);
    if (!is_due && !has_mail()) return Due::nothing;
  }
}

void Loop::prepare_to_compute() {
  do {
    wake_due();
    if constexpr (several_loops) {
      listen();
      arm_bell();
      offer_jobs();
    }
    arm_timer(std::min(this_alarm(), end_of_slice()));
    if (submitted_) must(ring_.enter(), "submitting system calls");
  } while (std::exchange(submitted_, false));  // they may have completed at once
}

/// The time, in ns since boot, at which the loop must ask the policy whether the running job's
/// slice is over. It is at least shortest_slice from now, so that a step makes progress between two
/// preemptions.
std::uint64_t Loop::end_of_slice() const {
  if (executor_.policy() == nullptr) return no_alarm;
  const async::Duration left = executor_.policy()->until_tick();
  if (left == async::Duration::max()) return no_alarm;
  const auto length = std::max(left, shortest_slice);
  return async::platform::now_ns() + static_cast<std::uint64_t>(length.count());
}

void Loop::take_notifications() {
  do {
    upcalls_.close();  // no upcall may call the handler meanwhile
    take_arrived();
    upcalls_.open();
  } while (upcalls_.has_notifications());  // those that arrived while upcalls were disabled
}

void Loop::take_arrived() {
  notifications_ |= upcalls_.take_notifications();
  notified_.wake_all();
}

async::Task<std::uint64_t> Loop::notified(std::uint64_t bits) {
  const Bound bound{true};
  ++waiting_for_notifications_;
  auto result = async::WaitResult::woken;
  while (result == async::WaitResult::woken && (notifications_ & bits) == 0) {
    result = co_await notified_.wait("a notification");
  }
  --waiting_for_notifications_;
  const std::uint64_t mine = notifications_ & bits;
  notifications_ &= ~mine;
  co_return mine;
}

/// Clears the alarm and calls alarm_fired() if the alarm is due.
bool Loop::fire_alarm() {
  if (this_alarm() == no_alarm || this_alarm() > async::platform::now_ns()) return false;
  this_alarm() = no_alarm;
  executor_.alarm_fired();
  return true;
}

/// Submits a timeout if the ring has none that is due by then.
void Loop::arm_timer(std::uint64_t due) {
  if (due >= timer_) return;
  if (timer_ != no_alarm) submit(user::cancel(timer_data, cancel_data));
  abi::RingSubmission timeout =
      user::timeout(nanoseconds{static_cast<std::int64_t>(due)}, timer_data);
  timeout.options = abi::ring_absolute;
  submit(timeout);
  timer_ = due;
}

/// Called when no job is ready, with upcalls disabled.
void Loop::wait() {
  // After step() found no notification, an upcall may still have delivered one. The kernel ends
  // ring_enter() only for notifications that it has not delivered.
  if (upcalls_.has_notifications()) return;
  if (fire_alarm()) return poll();
  const bool nothing_is_in_flight = places_.permits() == most_calls_ &&
                                    waiting_for_notifications_ == 0 && upcalls_.waiting() == 0;
  const bool is_helpless = this_alarm() == no_alarm && nothing_is_in_flight;
  if constexpr (several_loops) {
    const Asleep asleep{*this, is_helpless};
    asleep.is_due() ? sleep() : take_completions();
  } else {
    if (is_helpless) fail_in_async("every coroutine of the program waits for another one");
    sleep();
  }
}

void Loop::sleep() {
  // A loop that waits for notifications needs a timeout even without an alarm, because ring_enter()
  // does not wait if no request is in flight.
  arm_timer(waiting_for_notifications_ > 0 ? std::min(this_alarm(), farthest_alarm) : this_alarm());
  submitted_ = false;
  if (shares_priority_) {  // after a timer any job may be ready: assume the most urgent
    const auto most = std::ranges::find_if(in_flight_, [](auto count) { return count > 0; });
    publish_priority(this_alarm() != no_alarm ? 0 : most - in_flight_.begin());
  }
  must(ring_.enter(1), "waiting for system calls");
  take_completions();
}

}  // namespace user::detail

std::size_t user::coroutine_memory() {
  return detail::mapped_bytes.load(std::memory_order_relaxed);
}
