// Cutting waits short, beyond Job::cancel(). A Shield protects the waits in its scope.
// with_deadline() cuts a task's waits short when a deadline passes. Task context.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "async/executor.h"
#include "async/task.h"
#include "async/timer.h"

namespace async {

/// In its scope (in a coroutine) neither cancel() nor a deadline cuts a wait of this job short. A
/// cancellation during the scope takes effect at the first cancellation point after it. Shields
/// nest.
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

/// A deadline for a scope in a coroutine. After the deadline, waits in the scope are cut short with
/// `timed_out`. cancel() still cuts them short with `cancelled`. Scopes nest: the earlier deadline
/// wins. A preemptible job must be bound to one hart, and a parallel job (parallel.h) cannot have a
/// deadline; otherwise the constructor calls platform::fail().
class [[nodiscard]] DeadlineScope {
 public:
  explicit DeadlineScope(Instant deadline) noexcept;
  ~DeadlineScope() { leave(); }
  DeadlineScope(const DeadlineScope&) = delete;

  /// Moves the deadline, unless it has passed. Any job of the strand may call it.
  void move(Instant deadline) noexcept;
  /// Ends the scope early; true if the deadline has passed and cut a wait short.
  bool leave() noexcept;
  /// Makes this job forget that a deadline cut a wait short. For a wait that was cut short but has
  /// a result all the same, which the caller must not lose.
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

/// Runs `task`; TimedOut if the deadline cut one of its waits short. A task that runs when the
/// deadline passes, and never waits again, keeps its result.
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
