// timerfd: timers that programs read and poll.
//
// After an expiration the timer is armed again only when the program looks at it. So a timer of a
// nanosecond costs as many interrupts as its program takes expirations.
#include <abi/flags.h>
#include <async/executor.h>
#include <async/timer.h>

#include <algorithm>
#include <utility>

#include "base/machine_facts.h"
#include "files/file.h"
#include "files/io_buffer.h"
#include "memory/frames.h"
#include "process/thread.h"
#include "process/wall_clock.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {

/// Strand data. The timer is armed in the wheel of the hart that has set it.
class TimerFile final : public File, private async::Timer, private FollowsWallClock {
 public:
  using Duration = async::Duration;
  struct Setting {
    Duration left{};      ///< until the next expiration; 0: the timer is not set
    Duration interval{};  ///< between the following ones; 0: there is one only
  };

  /// `is_wall`: absolute times are since 1970, else since boot.
  TimerFile(bool is_wall, int flags)
      : File{abi::o_rdwr | flags}, async::Timer{&fire}, is_wall_{is_wall} {}
  ~TimerFile() override { async::Executor::disarm(*this); }

  TimerFile* timer() override { return this; }
  std::string_view unnamed_kind() override { return "[timerfd]"; }

  /// `is_absolute`: `setting.left` is a time of the timer's clock. `is_cancelled_by_clock`:
  /// TFD_TIMER_CANCEL_ON_SET. ECANCELED: it was, and the timer is set nevertheless.
  Result<> set(Setting setting, bool is_absolute, bool is_cancelled_by_clock) {
    async::Executor::disarm(*this);
    expirations_ = 0;
    is_expired_ = false;
    may_be_cancelled_ = is_wall_ && is_absolute && is_cancelled_by_clock;
    follow_clock(is_wall_ && is_absolute);
    is_set_ = setting.left > Duration::zero();
    interval_ = setting.interval;
    if (!is_set_) return {};
    const Duration boot = is_wall_ ? wall_clock_at_boot() : Duration::zero();
    due_ = is_absolute ? setting.left - boot : sum(now(), setting.left);
    arm();
    return take_cancellation() ? fail(Errno::ecanceled) : Result<>{};
  }
  Setting setting() {
    pass_intervals();
    if (!is_set_ || is_expired_) return {.interval = interval_};
    return {.left = std::max(due_ - now(), Duration{1}), .interval = interval_};
  }

  Result<std::size_t> move_nothing(Direction) override { return fail(Errno::einval); }
  Result<std::size_t> try_read(IoBuffer& buffer) override {
    if (buffer.left() < sizeof expirations_) return fail(Errno::einval);
    if (expirations_ == 0 || buffer.must_page_in(IoBuffer::Direction::put)) {
      return fail(Errno::would_block);
    }
    if (take_cancellation()) {
      expirations_ = 0;
      return fail(Errno::ecanceled);
    }
    pass_intervals();
    const auto moved = buffer.put(std::as_bytes(std::span{&expirations_, 1}));
    if (blocks(moved)) return moved;
    const bool is_whole = moved && *moved == sizeof expirations_;
    expirations_ = 0;
    return is_whole ? moved : fail(Errno::efault);
  }
  Result<std::size_t> try_write(IoBuffer&) override { return fail(Errno::einval); }
  Result<std::int64_t> seek(std::int64_t, int) override { return 0; }
  short readiness() override { return expirations_ != 0 ? abi::pollin : 0; }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &readers_ : nullptr;
  }
  abi::Stat status() override {
    return {.device = 1, .mode = 0600, .links = 1, .block_size = hal::page_size};
  }

 private:
  static Duration now() { return async::now().time_since_epoch(); }
  static Duration sum(Duration a, Duration b) {
    std::int64_t ns;
    return __builtin_add_overflow(a.count(), b.count(), &ns) ? Duration::max() : Duration{ns};
  }

  static Duration difference(Duration a, Duration b) {
    std::int64_t ns;
    if (!__builtin_sub_overflow(a.count(), b.count(), &ns)) return Duration{ns};
    return b < Duration::zero() ? Duration::max() : Duration::min();
  }

  static void fire(async::Timer& timer) noexcept {
    auto& self = static_cast<TimerFile&>(timer);
    if (now() < self.due_) return self.arm();  // it was too far away for the wheel
    self.is_expired_ = true;
    ++self.expirations_;
    self.readers_.wake_all();
  }
  void on_clock_set(Duration ahead) override {
    due_ = difference(due_, ahead);
    if (is_set_ && !is_expired_) {
      async::Executor::disarm(*this);
      arm();
    }
    if (!may_be_cancelled_) return;
    is_cancelled_ = true;
    ++expirations_;
    readers_.wake_all();
  }
  /// Whether the clock was set since the last call, and that cancels the timer.
  bool take_cancellation() { return may_be_cancelled_ && std::exchange(is_cancelled_, false); }
  void arm() {
    if (due_ >= async::never.time_since_epoch()) return;
    async::current_executor().arm(*this, async::Instant{std::max(due_, now())});
  }
  /// After an expiration of a timer with an interval: counts those that have passed since, and arms
  /// the timer for the next one.
  void pass_intervals() {
    if (!is_expired_ || interval_ == Duration::zero()) return;
    const std::int64_t passed = std::max<std::int64_t>((now() - due_) / interval_, 0);
    expirations_ += static_cast<std::uint64_t>(passed);
    due_ = sum(sum(due_, interval_ * passed), interval_);
    is_expired_ = false;
    arm();
  }

  const bool is_wall_;
  bool is_set_ = false;
  bool is_expired_ = false;  // and is not armed again
  bool may_be_cancelled_ = false;
  bool is_cancelled_ = false;  // the clock was set, and no call has reported it
  Duration due_{};             // since boot
  Duration interval_{};
  std::uint64_t expirations_ = 0;  // that no read has taken
  async::WaitList readers_;
};

namespace sys {
namespace {

using memory::UserPtr;

/// EBADF; EINVAL: the file is no timer.
Result<TimerFile*> timer_of(Thread& self, int fd) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (file->timer() == nullptr) return fail(Errno::einval);
  return file->timer();
}

abi::TimerSetting setting_for_program(const TimerFile::Setting& setting) {
  return {.interval = to_timespec(setting.interval), .left = to_timespec(setting.left)};
}

}  // namespace

/// flags: TFD_CLOEXEC, TFD_NONBLOCK; EINVAL for others
/// linux: The clocks are CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME; the alarm clocks fail
///   with EINVAL.
Result<int> timerfd_create(Thread& self, int clock, int flags) {
  if ((flags & ~(abi::o_cloexec | abi::o_nonblock)) != 0) return fail(Errno::einval);
  const bool is_wall = clock == abi::clock_realtime;
  if (!is_wall && clock != abi::clock_monotonic && clock != abi::clock_boottime)
    return fail(Errno::einval);
  if (!memory::can_allocate(sizeof(TimerFile))) return fail(Errno::enomem);
  auto file = make_ref<TimerFile>(is_wall, flags & abi::o_nonblock);
  return self.process().files().add(std::move(file), (flags & abi::o_cloexec) != 0);
}

/// flags: TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET; EINVAL for others
/// linux: none known
Result<> timerfd_settime(Thread& self, int fd, int flags, UserPtr<const abi::TimerSetting> wanted,
                         UserPtr<abi::TimerSetting> old) {
  constexpr int cancel_on_set = 2;
  const auto given = wanted.read(self.space());
  if (!given) return fail(given.error());
  const auto left = to_duration(given->left), interval = to_duration(given->interval);
  if ((flags & ~(abi::timer_abstime | cancel_on_set)) != 0 || !left || !interval)
    return fail(Errno::einval);
  const auto timer = timer_of(self, fd);
  if (!timer) return fail(timer.error());
  Result<> written{};
  if (old) written = old.write(self.space(), setting_for_program((*timer)->setting()));
  if (blocks(written)) return written;  // it needs a page-in
  const auto set = (*timer)->set({.left = *left, .interval = *interval},
                                 (flags & abi::timer_abstime) != 0, (flags & cancel_on_set) != 0);
  return set ? written : set;
}

/// linux: none known
Result<> timerfd_gettime(Thread& self, int fd, UserPtr<abi::TimerSetting> out) {
  const auto timer = timer_of(self, fd);
  if (!timer) return fail(timer.error());
  return out.write(self.space(), setting_for_program((*timer)->setting()));
}

}  // namespace sys

KERNEL_CALL(timerfd_create, sys::timerfd_create);
KERNEL_CALL(timerfd_settime, sys::timerfd_settime);
KERNEL_CALL(timerfd_gettime, sys::timerfd_gettime);

}  // namespace kernel
