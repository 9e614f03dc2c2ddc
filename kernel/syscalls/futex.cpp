#include <abi/flags.h>
#include <async/sharing_timer.h>

#include <coroutine>
#include <optional>

#include "base/machine_facts.h"
#include "process/futex.h"
#include "process/pi_lock.h"
#include "process/thread.h"
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

// ── While the hart shares the strand ─────────────────────────────────────────────────────────────

namespace {

/// FUTEX_WAIT. Its steps share the strand.
template <Futex::Sharing kind>
class WaitForWord {
 public:
  WaitForWord(Thread& self, std::uintptr_t address, std::uint32_t expected)
      : self_{self}, expected_{expected}, entry_{self.job(), {.value = address}} {}

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
    const std::uintptr_t address = entry_.key.value;
    if constexpr (kind == Futex::Sharing::own_space) {
      begin(Futex::own(self_.space(), address), waiter);
    } else if (const auto futex = Futex::at_sharing(self_.space(), address, self_.owns_space())) {
      begin(*futex, waiter);
    }
    return has_begun() ? std::noop_coroutine() : waiter;
  }
  Result<int> await_resume() {
    if (state_ == Futex::Wait::word_changed) return fail(Errno::eagain);
    if (!has_begun()) return fail(Errno::would_block);
    if (entry_.job->result() == async::WaitResult::woken) [[likely]]
      return 0;
    outside::enter_strand();
    entry_.unlink();
    return fail(Errno::eintr);
  }

 private:
  void begin(const Futex& futex, std::coroutine_handle<> waiter) {
    state_ = futex.wait_sharing(expected_, entry_, waiter);
    if (state_ != Futex::Wait::not_in_tlb) [[likely]]
      return;
    if (outside::walk(self_, entry_.key.value, hal::Access::read) != nullptr)
      state_ = futex.wait_sharing(expected_, entry_, waiter);
  }

  Thread& self_;
  std::uint32_t expected_;
  Futex::Wait state_ = Futex::Wait::needs_strand;

 protected:
  bool has_begun() const { return state_ == Futex::Wait::started; }

  async::KeyedEntry entry_;  // its key holds the word's address until the wait begins
};

/// FUTEX_WAIT with a timeout.
template <Futex::Sharing kind>
class TimedWaitForWord : async::SharingTimer, WaitForWord<kind> {
  using Untimed = WaitForWord<kind>;

 public:
  TimedWaitForWord(Thread& self, std::uintptr_t address, std::uint32_t expected,
                   async::Instant deadline)
      : SharingTimer{&end, deadline}, Untimed{self, address, expected} {}

  using Untimed::await_ready;
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
    const auto next = Untimed::await_suspend(waiter);
    if (Untimed::has_begun()) arm();
    return next;
  }
  Result<int> await_resume() {
    const bool has_timed_out = this->entry_.job->result() == async::WaitResult::timed_out;
    if (Untimed::has_begun() && has_timed_out) return fail(Errno::etimedout);
    return Untimed::await_resume();
  }

 private:
  static Ended end(SharingTimer& timer) noexcept {
    async::KeyedEntry& entry = static_cast<TimedWaitForWord&>(timer).entry_;
    if (!Futex::take(entry)) return {};
    return {entry.job, async::WaitResult::timed_out};
  }
};

template <Futex::Sharing kind>
[[gnu::noinline]] trap::Answer<Result<int>> wait_with_timeout(Thread& self, std::uintptr_t address,
                                                              std::uint32_t expected,
                                                              std::uintptr_t timeout) {
  Strand::Sharing sharing;
  sharing.tell();
  const auto length =
      UserPtr<const abi::Timespec>{timeout}.read(self.space()).and_then(to_duration);
  if (!length) return fail(length.error());
  sharing.keep();
  return self.wait([&] { return TimedWaitForWord<kind>{self, address, expected, after(*length)}; });
}

/// FUTEX_WAIT or FUTEX_WAKE of a word that other processes may use. The caller has checked its
/// address and may_wake_sharing().
[[gnu::noinline]] trap::Answer<Result<int>> futex_of_all(Thread& self, std::uintptr_t address,
                                                         int operation, std::uint32_t value,
                                                         std::uintptr_t timeout) {
  if (operation == abi::futex_wake) {
    const Strand::Sharing sharing;
    const auto futex = Futex::at_sharing(self.space(), address, self.owns_space());
    if (!futex) return fail(futex.error());
    return futex->wake_sharing(static_cast<int>(value));
  }
  if (operation != abi::futex_wait || self.shared_priority() != 0) return trap::would_block;
  if (timeout != 0)
    return wait_with_timeout<Futex::Sharing::any_process>(self, address, value, timeout);
  Strand::Sharing{}.keep();
  return self.wait([&] { return WaitForWord<Futex::Sharing::any_process>{self, address, value}; });
}

}  // namespace

trap::Answer<Result<int>> outside::futex(Thread& self, std::uintptr_t address, int operation,
                                         std::uint32_t value, std::uintptr_t timeout,
                                         std::uintptr_t, std::uint32_t) {
  AddressSpace& space = self.space();
  if (!Futex::may_be_at(space, address) || !may_wake_sharing()) return trap::would_block;
  if (operation == (abi::futex_wake | abi::futex_private_flag)) {
    const Strand::Sharing sharing;
    return Futex::own(space, address).wake_sharing(static_cast<int>(value));
  }
  if (operation != (abi::futex_wait | abi::futex_private_flag))
    return futex_of_all(self, address, operation, value, timeout);
  if (self.shared_priority() != 0) return trap::would_block;
  if (timeout != 0)
    return wait_with_timeout<Futex::Sharing::own_space>(self, address, value, timeout);
  Strand::Sharing{}.keep();
  return self.wait([&] { return WaitForWord<Futex::Sharing::own_space>{self, address, value}; });
}

}  // namespace kernel::sys
