#include <abi/flags.h>

#include "base/machine_facts.h"
#include "process/futex.h"
#include "process/pi_lock.h"
#include "process/thread.h"
#include "syscalls/futex.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

constexpr int command_of(int operation) {
  return operation & abi::futex_command_mask;
}
constexpr bool takes_pi_lock(int operation) {
  const int command = command_of(operation);
  return command == abi::futex_lock_pi || command == abi::futex_lock_pi2;
}

/// The deadline of the call. FUTEX_WAIT has a timeout from now, FUTEX_LOCK_PI a time on the wall
/// clock, the others a time on the clock that they name.
Result<async::Instant> deadline_of(Thread& self, int operation, std::uintptr_t timeout) {
  const auto given = UserPtr<const abi::Timespec>{timeout}.read(self.space()).and_then(to_duration);
  if (!given) return fail(given.error());
  const int command = command_of(operation);
  if (command == abi::futex_wait) return after(*given);
  const bool wall_clock =
      command == abi::futex_lock_pi || (operation & abi::futex_clock_realtime) != 0;
  return async::Instant{wall_clock ? *given - wall_clock_at_boot() : *given};
}

Result<Futex> futex_at(Thread& self, std::uintptr_t address, int operation) {
  const bool is_private = (operation & abi::futex_private_flag) != 0;
  return Futex::at(self.space(), address,
                   is_private ? Futex::Sharing::own_space : Futex::Sharing::any_process);
}

/// The bits of a waiter: a wake reaches it only if the two have a bit in common.
std::uint32_t bits_of(int operation, std::uint32_t value3) {
  const bool masked = command_of(operation) == abi::futex_wait_bitset;
  return masked ? value3 : Futex::any_bits;
}

Result<int> answer_of(async::WaitResult end) {
  switch (end) {
    case async::WaitResult::woken: return 0;
    case async::WaitResult::timed_out: return fail(Errno::etimedout);
    default: return fail(Errno::eintr);
  }
}

/// A wait without a timeout: an entry in a list, no coroutine.
class FutexWait {
 public:
  FutexWait(const Futex& futex, std::uint32_t bits) : wait_{futex.wait(bits)} {}

  bool await_ready() const { return wait_.await_ready(); }
  void await_suspend(std::coroutine_handle<> caller) const { wait_.await_suspend(caller); }
  Result<int> await_resume() const { return answer_of(wait_.await_resume()); }

 private:
  async::KeyedWaitOp wait_;
};

async::Task<Result<int>> futex_until(Thread& self, std::uintptr_t address, int operation,
                                     std::uint32_t value, std::uintptr_t timeout,
                                     std::uint32_t value3) {
  const std::uint32_t bits = bits_of(operation, value3);
  if (bits == 0) co_return fail(Errno::einval);
  const auto deadline = deadline_of(self, operation, timeout);
  if (!deadline) co_return fail(deadline.error());
  const auto futex = futex_at(self, address, operation);
  if (!futex) co_return fail(futex.error());
  if (const auto unchanged = futex->check(value); !unchanged) co_return fail(unchanged.error());
  co_return answer_of(co_await futex->wait_until(bits, *deadline));
}

/// Wakes waiters, then moves others to another word (condition variables of some C libraries).
Result<int> requeue(Thread& self, const Futex& from, int operation, int wake, std::uintptr_t limit,
                    std::uintptr_t address2) {
  const auto to = futex_at(self, address2, operation);
  if (!to) return fail(to.error());
  const int move = static_cast<int>(limit);
  if (wake < 0 || move < 0) return fail(Errno::einval);
  const int woken = from.wake(wake);
  return woken + from.requeue(move, *to);
}

/// The less frequent commands.
[[gnu::noinline]] Result<int> wake_otherwise(Thread& self, Futex futex, int operation,
                                             std::uint32_t value, std::uintptr_t limit,
                                             std::uintptr_t address2, std::uint32_t value3) {
  const int wake = static_cast<int>(value);
  switch (command_of(operation)) {
    case abi::futex_wake_bitset:
      if (value3 == 0) return fail(Errno::einval);
      return futex.wake(wake, value3);
    case abi::futex_cmp_requeue:
      if (const auto to = futex_at(self, address2, operation); !to) return fail(to.error());
      if (const auto unchanged = futex.check(value3); !unchanged) return fail(unchanged.error());
      [[fallthrough]];
    case abi::futex_requeue: return requeue(self, futex, operation, wake, limit, address2);
    case abi::futex_unlock_pi: return pi_lock::give_back(self, futex);
    default: return fail(Errno::enosys);
  }
}

/// FUTEX_LOCK_PI, or, if `waits` is false, FUTEX_TRYLOCK_PI.
trap::Attempt<Result<int>> try_to_take(Thread& self, const Futex& futex, bool waits) {
  using Answer = Result<int>;
  const auto taken = pi_lock::take(self, futex);
  if (!taken) return Answer{fail(taken.error())};
  if (*taken) return Answer{0};
  return waits ? trap::Attempt<Answer>::wait() : Answer{fail(Errno::eagain)};
}

async::Task<Result<int>> take_pi_lock(Thread& self, std::uintptr_t address, int operation,
                                      std::uintptr_t timeout) {
  const auto deadline =
      timeout != 0 ? deadline_of(self, operation, timeout) : Result<async::Instant>{async::never};
  if (!deadline) co_return fail(deadline.error());
  const auto futex = futex_at(self, address, operation);
  if (!futex) co_return fail(futex.error());
  co_return co_await pi_lock::wait(self, *futex, *deadline);
}

/// Would block if the word still has the expected value. EAGAIN otherwise.
trap::Attempt<Result<int>> try_to_wait(const Futex& futex, std::uint32_t value) {
  if (const auto unchanged = futex.check(value); !unchanged) {
    return Result<int>{fail(unchanged.error())};
  }
  return trap::Attempt<Result<int>>::wait();
}

[[gnu::noinline]] trap::Attempt<Result<int>> try_otherwise(Thread& self, std::uintptr_t address,
                                                           int operation, std::uint32_t value,
                                                           std::uintptr_t timeout,
                                                           std::uintptr_t address2,
                                                           std::uint32_t value3) {
  using Answer = Result<int>;
  const int command = command_of(operation);
  const bool waits = command == abi::futex_wait || command == abi::futex_wait_bitset;
  if (waits && timeout != 0) return trap::Attempt<Answer>::wait();
  const auto futex = futex_at(self, address, operation);
  if (!futex) return Answer{fail(futex.error())};
  if (command == abi::futex_wake) return Answer{futex->wake(static_cast<int>(value))};
  if (takes_pi_lock(operation) || command == abi::futex_trylock_pi) {
    return try_to_take(self, *futex, takes_pi_lock(operation));
  }
  if (!waits) return wake_otherwise(self, *futex, operation, value, timeout, address2, value3);
  if (bits_of(operation, value3) == 0) return Answer{fail(Errno::einval)};
  return try_to_wait(*futex, value);
}

[[gnu::noinline]] trap::WaitingCall wait_otherwise(Thread& self, std::uintptr_t address,
                                                   int operation, std::uint32_t value,
                                                   std::uintptr_t timeout, std::uint32_t value3) {
  if (takes_pi_lock(operation)) {
    return trap::WaitingCall{take_pi_lock(self, address, operation, timeout)};
  }
  if (timeout != 0) {
    return trap::WaitingCall{futex_until(self, address, operation, value, timeout, value3)};
  }
  return trap::WaitingCall{std::in_place_type<FutexWait>, *futex_at(self, address, operation),
                           bits_of(operation, value3)};
}

}  // namespace

trap::Attempt<Result<int>> try_any_futex(Thread& self, std::uintptr_t address, int operation,
                                         std::uint32_t value, std::uintptr_t timeout,
                                         std::uintptr_t address2, std::uint32_t value3) {
  constexpr int private_wait = abi::futex_wait | abi::futex_private_flag;
  if (operation == private_wait && timeout == 0 && Futex::may_be_at(self.space(), address))
      [[likely]] {
    return try_to_wait(Futex::own(self.space(), address), value);
  }
  return try_otherwise(self, address, operation, value, timeout, address2, value3);
}

trap::WaitingCall futex(Thread& self, std::uintptr_t address, int operation, std::uint32_t value,
                        std::uintptr_t timeout, std::uintptr_t, std::uint32_t value3) {
  const bool is_private = (operation & abi::futex_private_flag) != 0;
  if (timeout == 0 && is_private && !takes_pi_lock(operation)) [[likely]] {
    return trap::WaitingCall{std::in_place_type<FutexWait>, Futex::own(self.space(), address),
                             bits_of(operation, value3)};
  }
  return wait_otherwise(self, address, operation, value, timeout, value3);
}

}  // namespace kernel::sys
