#include <abi/flags.h>

#include <optional>

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
  FutexWait(const Futex& futex, std::uint32_t bits) : place_{futex.place(bits)} {}

  bool await_ready() { return wait_.emplace(place_.list, place_.key, "futex").await_ready(); }
  void await_suspend(std::coroutine_handle<> caller) const { wait_->await_suspend(caller); }
  Result<int> await_resume() const { return answer_of(wait_->await_resume()); }

 private:
  Futex::Place place_;
  std::optional<async::KeyedWaitOp> wait_;
};

async::Task<Result<int>> wait_until(Thread& self, std::uintptr_t address, int operation,
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

async::Task<Result<int>> wait_for_pi_lock(Thread& self, Futex futex, int operation,
                                          std::uintptr_t timeout) {
  const auto deadline =
      timeout != 0 ? deadline_of(self, operation, timeout) : Result<async::Instant>{async::never};
  if (!deadline) co_return fail(deadline.error());
  co_return co_await pi_lock::wait(self, futex, *deadline);
}

/// Waits if the word still has the expected value. EAGAIN otherwise.
trap::Answer<Result<int>> wait_unless_changed(Thread& self, const Futex& futex, std::uint32_t value,
                                              std::uint32_t bits) {
  if (const auto unchanged = futex.check(value); !unchanged) return fail(unchanged.error());
  return self.wait([&] { return FutexWait{futex, bits}; });
}

[[gnu::noinline]] trap::Answer<Result<int>> otherwise(Thread& self, std::uintptr_t address,
                                                      int operation, std::uint32_t value,
                                                      std::uintptr_t timeout,
                                                      std::uintptr_t address2,
                                                      std::uint32_t value3) {
  const int command = command_of(operation);
  const bool waits = command == abi::futex_wait || command == abi::futex_wait_bitset;
  if (waits && timeout != 0) {
    return self.wait([&] { return wait_until(self, address, operation, value, timeout, value3); });
  }
  const auto futex = futex_at(self, address, operation);
  if (!futex) return fail(futex.error());
  if (command == abi::futex_wake) return futex->wake(static_cast<int>(value));
  if (takes_pi_lock(operation) || command == abi::futex_trylock_pi) {
    const auto taken = pi_lock::take(self, *futex);
    if (!taken) return fail(taken.error());
    if (*taken) return 0;
    if (!takes_pi_lock(operation)) return fail(Errno::eagain);
    return self.wait([&] { return wait_for_pi_lock(self, *futex, operation, timeout); });
  }
  if (!waits) return wake_otherwise(self, *futex, operation, value, timeout, address2, value3);
  const std::uint32_t bits = bits_of(operation, value3);
  if (bits == 0) return fail(Errno::einval);
  return wait_unless_changed(self, *futex, value, bits);
}

}  // namespace

trap::Answer<Result<int>> any_futex(Thread& self, std::uintptr_t address, int operation,
                                    std::uint32_t value, std::uintptr_t timeout,
                                    std::uintptr_t address2, std::uint32_t value3) {
  constexpr int private_wait = abi::futex_wait | abi::futex_private_flag;
  memory::AddressSpace& space = self.space();
  if (operation == private_wait && timeout == 0 && Futex::may_be_at(space, address)) [[likely]] {
    return wait_unless_changed(self, Futex::own(space, address), value, Futex::any_bits);
  }
  return otherwise(self, address, operation, value, timeout, address2, value3);
}

}  // namespace kernel::sys
