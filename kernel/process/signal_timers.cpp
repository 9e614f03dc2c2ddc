#include "process/signal_timers.h"

#include <async/executor.h>
#include <async/strand.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "base/machine_facts.h"
#include "memory/frames.h"
#include "process/thread.h"

namespace kernel {
namespace {

using async::Duration;

/// The least time between two looks at the CPU time, or at a signal that no thread has taken yet.
constexpr Duration least_check = std::chrono::milliseconds{10};
/// How old the CPU time may be at which a timer looks.
constexpr Duration oldest_cpu_time = std::chrono::milliseconds{1};
constexpr int most_overruns = std::numeric_limits<int>::max() / 2;

/// The sum of two times, of which the second is not negative, or the longest duration.
constexpr Duration sum(Duration a, Duration b) {
  std::int64_t ns = 0;
  return __builtin_add_overflow(a.count(), b.count(), &ns) ? Duration::max() : Duration{ns};
}

}  // namespace

SignalTimer::SignalTimer(Process& process, Clock clock, Target target, const abi::SignalInfo& info,
                         int thread, int clock_owner)
    : async::Timer{&fire},
      process_{process},
      clock_{clock},
      target_{target},
      thread_{thread},
      clock_owner_{clock_owner},
      info_{info} {}

SignalTimer::~SignalTimer() {
  async::Executor::disarm(*this);
}

Duration SignalTimer::now() const {
  if (clock_ == Clock::cpu) return process_.signal_timers()->cpu_time();
  if (clock_ == Clock::process) {
    Process* const owner = processes().find(clock_owner_);
    return owner != nullptr ? owner->cpu_time() : Duration::zero();
  }
  if (clock_ == Clock::thread) {
    Thread* const owner = threads().find(clock_owner_);
    return owner != nullptr ? owner->cpu_time() : Duration::zero();
  }
  return async::now().time_since_epoch();
}

Duration SignalTimer::shown_time() const {
  return clock_ == Clock::wall ? now() + wall_clock_at_boot() : now();
}

void SignalTimer::set(const Setting& setting, bool is_absolute) {
  async::Strand::check_access();
  async::Executor::disarm(*this);
  follow_clock(is_absolute && clock_ == Clock::wall);
  is_set_ = setting.left > Duration::zero();
  is_queued_ = false;
  overrun_ = 0;
  interval_ = is_set_ ? setting.interval : Duration::zero();
  if (!is_set_) return;
  due_ = sum(now(), setting.left);
  arm(Duration::zero());
}

SignalTimer::Setting SignalTimer::setting() const {
  if (!is_set_) return {};
  const Duration now = this->now();
  if (due_ > now) return {.left = due_ - now, .interval = interval_};
  if (interval_ > Duration::zero())
    return {.left = interval_ - (now - due_) % interval_, .interval = interval_};
  return {.left = target_ == Target::none ? Duration::zero() : Duration{1}};
}

void SignalTimer::arm(Duration least) {
  if (target_ == Target::none) return;  // setting() says all that programs can learn
  Duration left = due_ - now();
  if (counts_cpu_time()) {
    // The threads together use at most this much CPU time in a second of each hart.
    const Process* const owner = clock_ == Clock::process  ? processes().find(clock_owner_)
                                 : clock_ == Clock::thread ? nullptr
                                                           : &process_;
    left /= static_cast<std::int64_t>(owner != nullptr ? std::max(1u, owner->thread_count()) : 1);
    least = least_check;
  }
  const Duration at = sum(async::now().time_since_epoch(), std::max(left, least));
  if (at < async::never.time_since_epoch())
    async::current_executor().arm(*this, async::Instant{at});
}

void SignalTimer::fire(async::Timer& timer) noexcept {
  auto& self = static_cast<SignalTimer&>(timer);
  const Duration now = self.now();
  if (now < self.due_) return self.arm(Duration::zero());
  self.expire(now);
}

void SignalTimer::on_clock_set(Duration ahead) {
  if (!is_set_) return;
  const bool overflows = ahead < Duration::zero() && due_ > Duration::max() + ahead;
  due_ = overflows ? Duration::max() : due_ - ahead;
  async::Executor::disarm(*this);
  arm(is_queued_ ? least_check : Duration::zero());
}

bool SignalTimer::has_queued_signal() const {
  const abi::SignalSet bit = abi::set_of(static_cast<abi::Signal>(info_.signal));
  if (target_ == Target::process) return (process_.pending_signals() & bit) != 0;
  const Thread* const thread = threads().find(thread_);
  return thread != nullptr && (thread->pending_signals() & bit) != 0;
}

int SignalTimer::pass_intervals(Duration now) {
  const std::int64_t passed = (now - due_) / interval_ + 1;
  due_ = interval_ > Duration::max() / passed ? Duration::max() : sum(due_, interval_ * passed);
  return static_cast<int>(std::min<std::int64_t>(passed, most_overruns));
}

void SignalTimer::expire(Duration now) {
  const int expirations = interval_ > Duration::zero() ? pass_intervals(now) : 1;
  if (is_queued_ && has_queued_signal()) {
    overrun_ = std::min(overrun_ + expirations, most_overruns);
  } else {
    overrun_ = expirations - 1;
    Thread* const thread = target_ == Target::thread ? threads().find(thread_) : nullptr;
    if (target_ == Target::process) {
      is_queued_ = process_.post_signal(info_);
    } else {
      is_queued_ =
          thread != nullptr && &thread->process() == &process_ && thread->post_signal(info_);
    }
  }
  is_set_ = interval_ > Duration::zero();
  if (is_set_) arm(least_check);  // earlier if a thread takes the signal
}

void SignalTimer::note_taken(abi::SignalInfo& info) {
  if (!is_queued_) return;
  is_queued_ = false;
  if (is_set_) {
    const Duration now = this->now();
    if (due_ <= now) overrun_ = std::min(overrun_ + pass_intervals(now), most_overruns);
    async::Executor::disarm(*this);
    arm(Duration::zero());
  }
  last_overrun_ = overrun_;
  if (info.code == abi::si_timer) info.timer.overrun = overrun_;
}

unsigned SignalTimers::free_id() const {
  for (unsigned id = next_id_;; id = (id / group_size + 1) * group_size % most) {
    const Group* const group = groups_[id / group_size].get();
    const std::uint64_t used = group != nullptr ? group->used : 0;
    const std::uint64_t free = ~used & ~std::uint64_t{0} << id % group_size;
    if (free != 0) return id / group_size * group_size + std::countr_zero(free);
  }
}

Result<SignalTimer*> SignalTimers::create(SignalTimer::Clock clock, SignalTimer::Target target,
                                          abi::SignalInfo info, int thread, bool has_value,
                                          int clock_owner) {
  if (count_ == most) return fail(Errno::eagain);
  if (!memory::can_allocate(sizeof(SignalTimer) + sizeof(Group))) return fail(Errno::enomem);
  const unsigned id = free_id();
  next_id_ = (id + 1) % most;
  info.timer.id = static_cast<int>(id);
  if (!has_value) info.timer.value = id;
  auto& group = groups_[id / group_size];
  if (group == nullptr) group = std::make_unique<Group>();
  auto* const timer = new SignalTimer{process_, clock, target, info, thread, clock_owner};
  group->timers[id % group_size] = timer;
  group->used |= std::uint64_t{1} << id % group_size;
  ++count_;
  return timer;
}

SignalTimer* SignalTimers::find(int id) {
  const Group* const group = group_of(id);
  return group != nullptr ? group->timers[static_cast<unsigned>(id) % group_size] : nullptr;
}

void SignalTimers::remove(SignalTimer& timer) {
  const auto id = static_cast<unsigned>(timer.id());
  auto& group = groups_[id / group_size];
  group->timers[id % group_size] = nullptr;
  group->used &= ~(std::uint64_t{1} << id % group_size);
  if (group->used == 0) group.reset();
  delete &timer;
  --count_;
}

void SignalTimers::remove_created() {
  for (auto& group : groups_) {
    while (group != nullptr) remove(*group->timers[std::countr_zero(group->used)]);
  }
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

Duration SignalTimers::cpu_time() {
  const async::Instant now = async::now();
  if (cpu_time_read_ == async::Instant{} || now - cpu_time_read_ >= oldest_cpu_time) {
    cpu_time_ = process_.cpu_time();
    cpu_time_read_ = now;
  }
  return cpu_time_;
}

void SignalTimers::note_taken(abi::SignalInfo& info) {
  if (info.code == abi::si_timer) {
    if (SignalTimer* const timer = find(info.timer.id)) timer->note_taken(info);
  } else if (interval_timers_[0]) {
    interval_timers_[0]->note_taken(info);
  }
}

}  // namespace kernel
