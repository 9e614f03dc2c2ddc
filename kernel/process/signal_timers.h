// The timers of a process that send signals: those of timer_create(2), and the three interval
// timers of setitimer(2).
//
//   set ──▶ armed ── expires ──▶ signal queued ── a thread takes it ──▶ armed for the next interval
//             ▲                        │
//             └─────── 10 ms ◀─────────┘  expirations meanwhile count as overruns
//
// So a timer interrupts its hart at most once for each signal that a thread takes, and otherwise
// every 10 ms, however short its interval is.
//
// All functions run in the strand.
#pragma once

#include <abi/signal.h>
#include <async/timer.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "process/wall_clock.h"

namespace kernel {

class Process;

/// One timer. It is armed in the wheel of the hart that has set it.
class SignalTimer final : private async::Timer, private FollowsWallClock {
 public:
  /// `wall`: the time since 1970. `time`: since boot. `cpu`: the CPU time of the process; `process`
  /// and `thread`: that of another process, or of a thread. By CPU time a timer expires up to 10 ms
  /// late. It does not expire any more once the other process or the thread has ended.
  enum class Clock : std::uint8_t { wall, time, cpu, process, thread };
  /// Where the signal goes to. `none`: no signal is sent.
  enum class Target : std::uint8_t { process, thread, none };

  /// `info`: what the signal tells. `thread`: for Target::thread. `clock_owner`: the number for
  /// Clock::process and Clock::thread.
  SignalTimer(Process& process, Clock clock, Target target, const abi::SignalInfo& info, int thread,
              int clock_owner = 0);
  ~SignalTimer();

  struct Setting {
    async::Duration left{};      ///< until the next expiration; 0: the timer is not set
    async::Duration interval{};  ///< between the following ones; 0: there is one only
  };
  /// Sets the timer anew, or stops it. `is_absolute`: a timer of Clock::wall expires at that time
  /// of the clock, also if the clock is set meanwhile.
  void set(const Setting& setting, bool is_absolute = false);
  Setting setting() const;
  int id() const { return info_.timer.id; }
  /// The present time of the timer's clock, as programs see it.
  async::Duration shown_time() const;
  /// The overruns of the signal that was taken last (timer_getoverrun).
  int overrun() const { return last_overrun_; }
  /// A thread takes the signal: adds the overruns to `info`.
  void note_taken(abi::SignalInfo& info);

 private:
  /// The same, but since boot for Clock::wall.
  async::Duration now() const;
  bool counts_cpu_time() const { return clock_ >= Clock::cpu; }
  static void fire(async::Timer& timer) noexcept;
  void on_clock_set(async::Duration ahead) override;
  void expire(async::Duration now);
  /// Moves due_ behind `now` by whole intervals. Returns their number.
  int pass_intervals(async::Duration now);
  /// Arms the timer for due_, but not for less than `least` from now.
  void arm(async::Duration least);
  bool has_queued_signal() const;

  Process& process_;
  Clock clock_;
  Target target_;
  bool is_queued_ = false;  // and was not taken yet, unless it was discarded
  bool is_set_ = false;
  int overrun_ = 0;  // of the queued signal
  int last_overrun_ = 0;
  int thread_;
  int clock_owner_;
  async::Duration due_{};
  async::Duration interval_{};
  abi::SignalInfo info_;
};

/// The timers of one process.
class SignalTimers {
 public:
  explicit SignalTimers(Process& process) : process_{process} {}
  ~SignalTimers() { remove_created(); }

  /// timer_create(2). EAGAIN: too many timers. ENOMEM.
  Result<SignalTimer*> create(SignalTimer::Clock clock, SignalTimer::Target target,
                              abi::SignalInfo info, int thread, bool has_value,
                              int clock_owner = 0);
  /// Null: there is no such timer.
  SignalTimer* find(int id);
  void remove(SignalTimer& timer);
  void remove_created();
  /// Those of timer_create(2).
  unsigned count() const { return count_; }

  /// The interval timer `which` of setitimer(2), 0 to 2. Makes it if it does not exist. ENOMEM.
  Result<SignalTimer*> interval_timer(unsigned which);
  static constexpr unsigned interval_timers = 3;

  /// A thread takes a signal of a timer. As on Linux, a SIGALRM of any other sender counts as that
  /// of ITIMER_REAL.
  void note_taken(abi::SignalInfo& info);

  /// The CPU time of the process, at most 1 ms old: finding it takes a step for each thread.
  async::Duration cpu_time();

 private:
  static constexpr unsigned most = 1024;
  static constexpr unsigned group_size = 64;

  /// The timers of 64 numbers. Allocated while one of them is in use.
  struct Group {
    std::array<SignalTimer*, group_size> timers{};  // owned
    std::uint64_t used = 0;                         // by index
  };
  Group* group_of(int id) {
    const auto at = static_cast<unsigned>(id);
    return at < most ? groups_[at / group_size].get() : nullptr;
  }
  /// The first free number from next_id_ on. There is one.
  unsigned free_id() const;

  Process& process_;
  std::array<std::optional<SignalTimer>, interval_timers> interval_timers_;
  std::array<std::unique_ptr<Group>, most / group_size> groups_;
  unsigned count_ = 0;
  unsigned next_id_ = 0;
  async::Instant cpu_time_read_{};
  async::Duration cpu_time_{};
};

}  // namespace kernel
