#include <abi/flags.h>
#include <async/sharing_timer.h>

#include <coroutine>

#include "base/machine_facts.h"
#include "process/futex.h"
#include "process/pi_lock.h"
#include "process/thread.h"
#include "sched/running.h"
#include "syscalls/futex.h"
#include "syscalls/outside.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

using async::Strand;

constexpr int command_of(int operation) {
  return operation & abi::futex_command_mask;
}
constexpr bool takes_pi_lock(int operation) {
  const int command = command_of(operation);
  return command == abi::futex_lock_pi || command == abi::futex_lock_pi2;
}
constexpr bool waits_for_word(int operation) {
  const int command = command_of(operation);
  return command == abi::futex_wait || command == abi::futex_wait_bitset;
}
/// The deadline of the call; never without a timeout. FUTEX_WAIT has a timeout from now,
/// FUTEX_LOCK_PI a time on the wall clock, the others a time on the clock that they name.
Result<async::Instant> deadline_of(Thread& self, int operation, std::uintptr_t timeout) {
  if (timeout == 0) return async::never;
  const auto given = UserPtr<const abi::Timespec>{timeout}.read(self.space()).and_then(to_duration);
  if (!given) return fail(given.error());
  const int command = command_of(operation);
  if (command == abi::futex_wait) return after(*given);
  const bool wall_clock =
      command == abi::futex_lock_pi || (operation & abi::futex_clock_realtime) != 0;
  return async::Instant{wall_clock ? *given - wall_clock_at_boot() : *given};
}

Result<Futex> futex_at(Thread& self, std::uintptr_t address, int operation) {
  if ((operation & abi::futex_private_flag) != 0)
    return Futex::at(self.space(), address, Futex::Sharing::own_space);
  if (Strand::is_shared()) return Futex::at_sharing(self.space(), address, self.owns_space());
  return Futex::at(self.space(), address, Futex::Sharing::any_process);
}

/// The bits of a waiter: a wake reaches it only if the two have a bit in common.
std::uint32_t bits_of(int operation, std::uint32_t value3) {
  const bool masked = command_of(operation) == abi::futex_wait_bitset;
  return masked ? value3 : Futex::any_bits;
}

/// FUTEX_WAIT, without a coroutine. In the strand the handler has called Futex::check(). In a step
/// that shares the strand, await_suspend() compares the word. A step that shares the strand in the
/// handler must not enter it before the await.
class FutexWait : protected Futex::Waiter {
 public:
  using Waiter::Waiter;

  bool await_ready() const { return !Strand::is_shared() && job->refuses_to_wait(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> coroutine) {
    if (Strand::is_shared()) [[unlikely]]
      return begin_sharing(coroutine);
    Futex::wait(*this, coroutine);
    return std::noop_coroutine();
  }
  Result<int> await_resume() {
    if (state_ != Wait::started) [[unlikely]]
      return fail(state_ == Wait::word_changed ? Errno::eagain : Errno::would_block);
    const async::WaitResult result = job->result();
    if (result == async::WaitResult::woken) [[likely]]
      return 0;
    outside::enter_strand();
    unlink();
    return fail(result == async::WaitResult::timed_out ? Errno::etimedout : Errno::eintr);
  }

 protected:
  bool has_begun() const { return state_ == Wait::started; }

 private:
  using Wait = Futex::Wait;

  std::coroutine_handle<> begin_sharing(std::coroutine_handle<> coroutine) {
    Thread& self = running_thread();
    state_ = Futex::wait_sharing(*this, self.space(), coroutine);
    if (state_ == Wait::not_in_tlb && outside::walk(self, address, hal::Access::read) != nullptr)
      state_ = Futex::wait_sharing(*this, self.space(), coroutine);
    return has_begun() ? std::noop_coroutine() : coroutine;
  }

  Wait state_ = Wait::started;
};

/// A FutexWait with a deadline. Futex::take() decides whether the timer or a wake ends the wait.
/// The timer may fire in a step that shares the strand, also if the wait began in the strand.
class TimedFutexWait : async::SharingTimer, public FutexWait {
 public:
  TimedFutexWait(async::Instant deadline, const Futex& futex, std::uint32_t expected,
                 std::uint32_t bits)
      : SharingTimer{&end, deadline}, FutexWait{futex, expected, bits} {}

  using SharingTimer::deadline;

  std::coroutine_handle<> await_suspend(std::coroutine_handle<> coroutine) {
    const auto next = FutexWait::await_suspend(coroutine);
    if (has_begun()) arm();
    return next;
  }
  Result<int> await_resume() {
    return is_late_ ? fail(Errno::etimedout) : FutexWait::await_resume();
  }

 private:
  static Ended end(SharingTimer& timer) noexcept {
    TimedFutexWait& self = static_cast<TimedFutexWait&>(timer);
    if (!Futex::take(self)) return {};
    self.is_late_ = true;
    return {self.job, async::WaitResult::timed_out};
  }

  bool is_late_ = false;
};

/// Waits if the word still has the expected value. EAGAIN otherwise.
[[gnu::always_inline]] inline trap::Answer<Result<int>> wait(Thread& self, const Futex& futex,
                                                             std::uint32_t expected,
                                                             std::uint32_t bits,
                                                             async::Instant deadline) {
  if (!Strand::is_shared()) [[likely]] {
    if (const auto unchanged = futex.check(expected); !unchanged) return fail(unchanged.error());
  }
  if (deadline == async::never) return self.wait([&] { return FutexWait{futex, expected, bits}; });
  return self.wait([&] { return TimedFutexWait{deadline, futex, expected, bits}; });
}

/// Wakes waiters, then moves others to another word (condition variables of some C libraries).
Result<int> requeue(Thread& self, std::uintptr_t address, int operation, int wake, int move,
                    std::uintptr_t address2, std::uint32_t expected) {
  if (wake < 0 || move < 0) return fail(Errno::einval);
  const auto from = futex_at(self, address, operation);
  if (!from) return fail(from.error());
  const auto to = futex_at(self, address2, operation);
  if (!to) return fail(to.error());
  if (command_of(operation) == abi::futex_cmp_requeue) {
    if (const auto unchanged = from->check(expected); !unchanged) return fail(unchanged.error());
  }
  const int woken = wake > 0 ? from->wake(wake) : 0;
  return woken + from->requeue(move, *to);
}

/// Linux reads the word first, at any address. So the error is EPERM also for a word that cannot be
/// a futex.
Result<int> unlock_pi(Thread& self, std::uintptr_t address, int operation) {
  const auto word = UserPtr<const std::uint32_t>{address}.read(self.space());
  if (!word) return fail(word.error());
  const auto mine = static_cast<std::uint32_t>(self.id());
  if ((*word & abi::futex_tid_mask) != mine) return fail(Errno::eperm);
  const auto futex = futex_at(self, address, operation);
  if (!futex) return fail(futex.error());
  return pi_lock::give_back(self, *futex);
}

/// FUTEX_LOCK_PI, FUTEX_LOCK_PI2 and FUTEX_TRYLOCK_PI.
trap::Answer<Result<int>> lock_pi(Thread& self, std::uintptr_t address, int operation,
                                  async::Instant deadline) {
  const auto futex = futex_at(self, address, operation);
  if (!futex) return fail(futex.error());
  const auto taken = pi_lock::take(self, *futex);
  if (!taken) return fail(taken.error());
  if (*taken) return 0;
  if (takes_pi_lock(operation)) {
    return self.wait([&] { return pi_lock::wait(self, *futex, deadline); });
  }
  const auto held = pi_lock::has_holder(*futex);
  if (!held) return fail(held.error());
  return fail(*held ? Errno::eagain : Errno::esrch);
}

/// FUTEX_WAIT and FUTEX_WAIT_BITSET.
trap::Answer<Result<int>> any_wait(Thread& self, std::uintptr_t address, int operation,
                                   std::uint32_t expected, std::uintptr_t timeout,
                                   std::uint32_t value3) {
  const auto deadline = deadline_of(self, operation, timeout);
  if (!deadline) return fail(deadline.error());
  constexpr int wall_clock_wait = abi::futex_wait | abi::futex_clock_realtime;
  if ((operation & ~abi::futex_private_flag) == wall_clock_wait) return fail(Errno::enosys);
  const std::uint32_t bits = bits_of(operation, value3);
  if (bits == 0) return fail(Errno::einval);
  const auto futex = futex_at(self, address, operation);
  if (!futex) return fail(futex.error());
  const async::Instant end = self.deadline_of_call(*deadline);
  self.forget_deadline();
  return wait(self, *futex, expected, bits, end);
}

[[gnu::noinline]] trap::Answer<Result<int>> serve_rare_command(Thread& self, std::uintptr_t address,
                                                               int operation, int count,
                                                               std::uintptr_t timeout,
                                                               std::uintptr_t address2,
                                                               std::uint32_t value3) {
  const auto deadline =
      takes_pi_lock(operation) ? deadline_of(self, operation, timeout) : async::never;
  if (!deadline) return fail(deadline.error());
  const int command = command_of(operation);
  const bool names_clock = (operation & abi::futex_clock_realtime) != 0;
  if (names_clock && command != abi::futex_lock_pi2) return fail(Errno::enosys);
  switch (command) {
    case abi::futex_wake_bitset:
      if (value3 == 0) return fail(Errno::einval);
      return futex_at(self, address, operation).transform([&](const Futex& futex) {
        return futex.wake(count, value3);
      });
    case abi::futex_unlock_pi: return unlock_pi(self, address, operation);
    case abi::futex_requeue:
    case abi::futex_cmp_requeue:
      return requeue(self, address, operation, count, static_cast<int>(timeout), address2, value3);
    case abi::futex_lock_pi:
    case abi::futex_lock_pi2:
    case abi::futex_trylock_pi: return lock_pi(self, address, operation, *deadline);
    default: return fail(Errno::enosys);
  }
}

/// Handles every command in the strand. A caller that shares the strand may pass only FUTEX_WAIT,
/// FUTEX_WAIT_BITSET and FUTEX_WAKE. would_block: the caller shares the strand, and the call may
/// wake several threads. Checks the arguments in Linux's order: the timeout, the command, the
/// numbers, the address.
[[gnu::noinline]] trap::Answer<Result<int>> otherwise(Thread& self, std::uintptr_t address,
                                                      int operation, std::uint32_t value,
                                                      std::uintptr_t timeout,
                                                      std::uintptr_t address2,
                                                      std::uint32_t value3) {
  if (waits_for_word(operation)) return any_wait(self, address, operation, value, timeout, value3);
  const int count = static_cast<int>(value);
  if ((operation & ~abi::futex_private_flag) != abi::futex_wake) {
    return serve_rare_command(self, address, operation, count, timeout, address2, value3);
  }
  const auto futex = futex_at(self, address, operation);
  if (!futex) return fail(futex.error());
  return Strand::is_shared() ? futex->wake_sharing(count) : futex->wake(count);
}

}  // namespace

template <bool shares>
trap::Answer<Result<int>> any_futex(Thread& self, std::uintptr_t address, int operation,
                                    std::uint32_t value, std::uintptr_t timeout,
                                    std::uintptr_t address2, std::uint32_t value3) {
  constexpr int private_wait = abi::futex_wait | abi::futex_private_flag;
  if constexpr (shares) {
    const bool wakes = command_of(operation) == abi::futex_wake && outside::may_wake_sharing();
    const bool waits = waits_for_word(operation) && outside::may_wait_sharing(self);
    if (!wakes && !waits) return fail(Errno::would_block);
  }
  memory::AddressSpace& space = self.space();
  if (operation == private_wait && timeout == 0 && Futex::may_be_at(space, address)) [[likely]] {
    const Futex futex = Futex::own(space, address);
    if constexpr (shares) {
      Strand::Sharing{}.keep();
    } else if (const auto unchanged = futex.check(value); !unchanged) {
      return fail(unchanged.error());
    }
    return self.wait([&] { return FutexWait{futex, value, Futex::any_bits}; });
  }
  using Otherwise = outside::Shared<otherwise>;
  if constexpr (shares)
    return Otherwise::answer(self, address, operation, value, timeout, address2, value3);
  return otherwise(self, address, operation, value, timeout, address2, value3);
}
template decltype(any_futex<false>) any_futex<false>;
template decltype(any_futex<true>) any_futex<true>;

}  // namespace kernel::sys
