#include <abi/flags.h>

#include "boot/machine_facts.h"
#include "process/futex.h"
#include "process/thread.h"
#include "syscalls/futex.h"
#include "syscalls/timespec.h"

namespace kernel::sys {
namespace {

/// FUTEX_WAIT counts its timeout from now, FUTEX_WAIT_BITSET on the clock it names.
Result<async::Instant> deadline_of(Thread& self, int operation, std::uintptr_t timeout) {
  const auto given = UserPtr<const abi::Timespec>{timeout}.read(self.space()).and_then(to_duration);
  if (!given) return fail(given.error());
  if ((operation & abi::futex_command_mask) == abi::futex_wait) return after(*given);
  const bool wall_clock = (operation & abi::futex_clock_realtime) != 0;
  return async::Instant{wall_clock ? *given - wall_clock_at_boot() : *given};
}

Result<Futex> futex_at(Thread& self, std::uintptr_t address, int operation) {
  const bool is_private = (operation & abi::futex_private_flag) != 0;
  return Futex::at(self.space(), address,
                   is_private ? Futex::Sharing::own_space : Futex::Sharing::anybody);
}

/// Which wakers a waiter is for.
std::uint32_t bits_of(int operation, std::uint32_t value3) {
  const bool masked = (operation & abi::futex_command_mask) == abi::futex_wait_bitset;
  return masked ? value3 : Futex::any_bits;
}

Result<int> answer_of(async::WaitResult end) {
  switch (end) {
    case async::WaitResult::woken: return 0;
    case async::WaitResult::timed_out: return fail(Errno::etimedout);
    default: return fail(Errno::eintr);
  }
}

/// A wait without a timeout: no more than a place in a list.
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

/// Waiters are woken, then moved to another word (condition variables of some C libraries).
Result<int> requeue(Thread& self, const Futex& from, int operation, int wake, std::uintptr_t limit,
                    std::uintptr_t address2) {
  const auto to = futex_at(self, address2, operation);
  if (!to) return fail(to.error());
  const int move = static_cast<int>(limit);
  if (wake < 0 || move < 0) return fail(Errno::einval);
  const int woken = from.wake(wake);
  return woken + from.requeue(move, *to);
}

/// The commands but for the usual ones.
[[gnu::noinline]] Result<int> wake_otherwise(Thread& self, Futex futex, int operation,
                                             std::uint32_t value, std::uintptr_t limit,
                                             std::uintptr_t address2, std::uint32_t value3) {
  const int wake = static_cast<int>(value);
  switch (operation & abi::futex_command_mask) {
    case abi::futex_wake_bitset:
      if (value3 == 0) return fail(Errno::einval);
      return futex.wake(wake, value3);
    case abi::futex_cmp_requeue:
      if (const auto to = futex_at(self, address2, operation); !to) return fail(to.error());
      if (const auto unchanged = futex.check(value3); !unchanged) return fail(unchanged.error());
      [[fallthrough]];
    case abi::futex_requeue: return requeue(self, futex, operation, wake, limit, address2);
    default: return fail(Errno::enosys);
  }
}

/// The word is still what the caller has seen, so there is sense in waiting.
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
  const int command = operation & abi::futex_command_mask;
  const bool waits = command == abi::futex_wait || command == abi::futex_wait_bitset;
  if (waits && timeout != 0) return trap::Attempt<Answer>::wait();
  const auto futex = futex_at(self, address, operation);
  if (!futex) return Answer{fail(futex.error())};
  if (command == abi::futex_wake) return Answer{futex->wake(static_cast<int>(value))};
  if (!waits) return wake_otherwise(self, *futex, operation, value, timeout, address2, value3);
  if (bits_of(operation, value3) == 0) return Answer{fail(Errno::einval)};
  return try_to_wait(*futex, value);
}

[[gnu::noinline]] trap::WaitingCall wait_otherwise(Thread& self, std::uintptr_t address,
                                                   int operation, std::uint32_t value,
                                                   std::uintptr_t timeout, std::uint32_t value3) {
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
  if (timeout == 0 && (operation & abi::futex_private_flag) != 0) [[likely]] {
    return trap::WaitingCall{std::in_place_type<FutexWait>, Futex::own(self.space(), address),
                             bits_of(operation, value3)};
  }
  return wait_otherwise(self, address, operation, value, timeout, value3);
}

}  // namespace kernel::sys
