// Cutting waits short, beyond Job::cancel(): Shield holds every cut off for a scope,
// with_deadline() cuts what a task waits for once a time has come. Task context.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "async/executor.h"
#include "async/task.h"
#include "async/timer.h"

namespace async {

/// In its scope (in a coroutine) no wait of this job is cut short, by cancel() or by a deadline.
/// What came meanwhile takes effect at the first cancellation point after it. Nests.
class [[nodiscard]] Shield {
 public:
  Shield() noexcept;
  ~Shield();
  Shield(const Shield&) = delete;

 private:
  Job& job_;
  bool outer_;
};

struct TimedOut {
  friend bool operator==(TimedOut, TimedOut) = default;
};

/// A deadline over a scope in a coroutine: from then on waits in it are cut short with `timed_out`.
/// The job's own cancellation passes through. Nests: the earlier deadline wins.
class [[nodiscard]] DeadlineScope {
 public:
  explicit DeadlineScope(Instant deadline) noexcept;
  ~DeadlineScope() { leave(); }
  DeadlineScope(const DeadlineScope&) = delete;

  /// Ends the scope early; true if the deadline has passed and cut a wait short.
  bool leave() noexcept;
  /// For this job: the wait that has just been cut short was over all the same, and has a result
  /// that must not be lost.
  static void forget_cut() noexcept;

 private:
  struct Alarm : Timer {
    explicit Alarm(DeadlineScope& scope) noexcept : Timer(&fire), scope(scope) {}
    static void fire(Timer& timer) noexcept;
    DeadlineScope& scope;
  };

  Job& job_;
  Alarm timer_{*this};
  bool active_ = true;
  bool expired_ = false;
};

/// Runs `task`; TimedOut if the deadline cut one of its waits short. A task that the deadline found
/// busy, and that never waits again, keeps its result.
template <class T>
Task<std::expected<T, TimedOut>> with_deadline(Instant deadline, Task<T> task) {
  DeadlineScope scope(deadline);
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    if (scope.leave()) co_return std::unexpected(TimedOut{});
    co_return std::expected<void, TimedOut>{};
  } else {
    T value = co_await std::move(task);
    if (scope.leave()) co_return std::unexpected(TimedOut{});
    co_return std::expected<T, TimedOut>(std::move(value));
  }
}

}  // namespace async
