#include "process/signal_timers.h"

#include <async/executor.h>
#include <async/strand.h>

#include <algorithm>
#include <limits>

#include "base/machine_facts.h"
#include "memory/frames.h"
#include "process/thread.h"

namespace kernel {
namespace {

using async::Duration;

/// How often a timer looks at the CPU time, at most.
constexpr Duration least_check = std::chrono::milliseconds{10};

}  // namespace

SignalTimer::SignalTimer(Process& process, Clock clock, Target target, const abi::SignalInfo& info,
                         int thread)
    : async::Timer{&fire},
      process_{process},
      clock_{clock},
      target_{target},
      thread_{thread},
      info_{info} {}

SignalTimer::~SignalTimer() {
  async::Executor::disarm(*this);
}

Duration SignalTimer::now() const {
  return clock_ == Clock::cpu ? process_.cpu_time() : async::now().time_since_epoch();
}

Duration SignalTimer::shown_time() const {
  return clock_ == Clock::wall ? now() + wall_clock_at_boot() : now();
}

void SignalTimer::set(const Setting& setting) {
  async::Strand::check_access();
  async::Executor::disarm(*this);
  is_set_ = setting.left > Duration::zero();
  is_queued_ = false;
  overrun_ = 0;
  interval_ = setting.interval;
  if (!is_set_) return;
  const Duration start = now();
  due_ = setting.left > Duration::max() - start ? Duration::max() : start + setting.left;
  arm();
}

SignalTimer::Setting SignalTimer::setting() const {
  if (!is_set_) return {.interval = interval_};
  return {.left = std::max(due_ - now(), Duration{1}), .interval = interval_};
}

void SignalTimer::arm() {
  async::Instant at{due_};
  if (clock_ == Clock::cpu) {
    // The threads together use at most this much CPU time in a second of each hart.
    const auto threads = static_cast<std::int64_t>(std::max(1u, process_.thread_count()));
    at = async::now() + std::max((due_ - now()) / threads, least_check);
  }
  if (at < async::never) async::current_executor().arm(*this, at);
}

void SignalTimer::fire(async::Timer& timer) noexcept {
  auto& self = static_cast<SignalTimer&>(timer);
  const Duration now = self.now();
  if (now < self.due_) return self.arm();
  self.expire(now);
}

bool SignalTimer::has_queued_signal() const {
  const abi::SignalSet bit = abi::set_of(static_cast<abi::Signal>(info_.signal));
  if (target_ == Target::process) return (process_.pending_signals() & bit) != 0;
  const Thread* const thread = threads().find(thread_);
  return thread != nullptr && (thread->pending_signals() & bit) != 0;
}

void SignalTimer::expire(Duration now) {
  int missed = 0;  // expirations since the one that is due
  if (interval_ > Duration::zero()) {
    const std::int64_t passed = (now - due_) / interval_;
    missed = static_cast<int>(std::min<std::int64_t>(passed, std::numeric_limits<int>::max() / 2));
    due_ += (passed + 1) * interval_;
    arm();
  } else {
    is_set_ = false;
  }
  if (target_ == Target::none) return;
  if (is_queued_ && has_queued_signal()) {
    overrun_ = std::min(overrun_, std::numeric_limits<int>::max() / 2) + missed + 1;
    return;
  }
  overrun_ = missed;
  if (target_ == Target::process) {
    is_queued_ = process_.post_signal(info_);
  } else if (Thread* const thread = threads().find(thread_);
             thread != nullptr && &thread->process() == &process_) {
    is_queued_ = thread->post_signal(info_);
  }
}

void SignalTimer::note_taken(abi::SignalInfo& info) {
  if (!is_queued_) return;
  is_queued_ = false;
  info.timer.overrun = last_overrun_ = overrun_;
}

Result<SignalTimer*> SignalTimers::create(SignalTimer::Clock clock, SignalTimer::Target target,
                                          abi::SignalInfo info, int thread, bool has_value) {
  if (count_ == most) return fail(Errno::eagain);
  if (!memory::can_allocate(sizeof(SignalTimer))) return fail(Errno::enomem);
  while (find(next_id_) != nullptr) next_id_ = next_id_ == most ? 0 : next_id_ + 1;
  info.timer.id = next_id_;
  next_id_ = next_id_ == most ? 0 : next_id_ + 1;
  if (!has_value) info.timer.value = static_cast<std::uint64_t>(info.timer.id);
  auto* const timer = new SignalTimer{process_, clock, target, info, thread};
  created_.push_back(*timer);
  ++count_;
  return timer;
}

SignalTimer* SignalTimers::find(int id) {
  for (SignalTimer& timer : created_) {
    if (timer.id() == id) return &timer;
  }
  return nullptr;
}

void SignalTimers::remove(SignalTimer& timer) {
  created_.remove(timer);
  delete &timer;
  --count_;
}

void SignalTimers::remove_created() {
  for (SignalTimer& timer : created_) remove(timer);
}

Result<SignalTimer*> SignalTimers::interval_timer(unsigned which) {
  auto& timer = interval_timers_[which];
  if (!timer) {
    constexpr std::array signals{abi::Signal::sigalrm, abi::Signal::sigvtalrm,
                                 abi::Signal::sigprof};
    const auto clock = which == 0 ? SignalTimer::Clock::time : SignalTimer::Clock::cpu;
    timer.emplace(
        process_, clock, SignalTimer::Target::process,
        abi::SignalInfo{.signal = static_cast<int>(signals[which]), .code = abi::si_kernel}, 0);
  }
  return &*timer;
}

void SignalTimers::note_taken(abi::SignalInfo& info) {
  SignalTimer* const timer = find(info.timer.id);
  if (timer != nullptr) timer->note_taken(info);
}

}  // namespace kernel
