// futex_wait, futex_wake, futex_requeue and futex_waitv. Their flags are an argument of its own,
// and futex_waitv waits for several futexes.
#include <abi/flags.h>
#include <abi/types.h>

#include <memory>
#include <vector>

#include "base/machine_facts.h"
#include "process/futex.h"
#include "process/thread.h"
#include "syscalls/futex.h"
#include "syscalls/outside.h"
#include "syscalls/registered_calls.h"
#include "syscalls/submitted_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

constexpr std::uint64_t longest_futex_value = UINT32_MAX;

/// EINVAL: a futex cannot have the flags. There are only words of 32 bits.
Result<> check_futex_flags(unsigned flags) {
  constexpr unsigned known = abi::futex2_size_u32 | abi::futex2_private;
  const bool is_right = (flags & ~known) == 0 && (flags & abi::futex2_size_u32) != 0;
  return is_right ? Result<>{} : fail(Errno::einval);
}

int private_flag_of(unsigned flags) {
  return (flags & abi::futex2_private) != 0 ? abi::futex_private_flag : 0;
}

Result<Futex> futex_with_flags(Thread& self, std::uint64_t address, unsigned flags) {
  const bool is_private = (flags & abi::futex2_private) != 0;
  return Futex::at(self.space(), address,
                   is_private ? Futex::Sharing::own_space : Futex::Sharing::any_process);
}

Result<> check_futex_clock(int clock) {
  const bool is_known = clock == abi::clock_realtime || clock == abi::clock_monotonic;
  return is_known ? Result<>{} : fail(Errno::einval);
}

/// An element of a program's array. EINVAL, EFAULT.
Result<abi::FutexWaitV> read_futex(Thread& self, std::uintptr_t array, std::size_t index) {
  const auto given = UserSpan<const abi::FutexWaitV>{array, index + 1}[index].read(self.space());
  if (!given) return given;
  if (auto checked = check_futex_flags(given->flags); !checked) return fail(checked.error());
  if (given->reserved != 0 || given->value > longest_futex_value) return fail(Errno::einval);
  return given;
}

using Waiters = std::vector<std::unique_ptr<Futex::Waiter>>;

/// Waits for several words. The first wake ends the wait, and then all entries leave their lists
/// before the job waits again.
class SeveralFutexes {
 public:
  SeveralFutexes(async::Instant deadline, Waiters waiters)
      : deadline_{deadline}, waiters_{std::move(waiters)}, job_{async::current_job()} {}

  bool await_ready() const { return job_.refuses_to_wait(); }
  void await_suspend(std::coroutine_handle<> coroutine) {
    job_.prepare(nullptr, "futexes");
    for (const auto& waiter : waiters_) Futex::insert(*waiter);
    job_.suspend_alone(coroutine);
    timer_.arm(deadline_);
  }
  Result<int> await_resume() {
    outside::enter_strand();
    const async::WaitResult result = job_.result();
    int woken = -1;
    for (std::size_t i = 0; i < waiters_.size(); ++i) {
      Futex::Waiter& waiter = *waiters_[i];
      if (!waiter.alone()) {
        waiter.unlink();
      } else if (woken < 0) {
        woken = static_cast<int>(i);
      }
    }
    if (result == async::WaitResult::woken) return woken;
    return fail(result == async::WaitResult::timed_out ? Errno::etimedout : Errno::eintr);
  }

 private:
  const async::Instant deadline_;
  const Waiters waiters_;
  async::Job& job_;
  async::WaitTimer timer_;
};

async::Task<Result<int>> wait_for_several(async::Instant deadline, Waiters waiters) {
  co_return co_await SeveralFutexes{deadline, std::move(waiters)};
}

}  // namespace

/// flags: FUTEX2_SIZE_U32, FUTEX2_PRIVATE; EINVAL for others
/// linux: none known
trap::Answer<Result<int>> futex_wake(Thread& self, std::uintptr_t address, std::uint64_t mask,
                                     int count, unsigned flags) {
  if (auto checked = check_futex_flags(flags); !checked) return fail(checked.error());
  if (mask == 0 || mask > longest_futex_value) return fail(Errno::einval);
  const auto futex = futex_with_flags(self, address, flags);
  if (!futex) return fail(futex.error());
  if (count == 0) return 0;
  return futex->wake(count, static_cast<std::uint32_t>(mask));
}

/// flags: as `futex_wake`; the clocks CLOCK_REALTIME and CLOCK_MONOTONIC
/// linux: none known
trap::Answer<Result<int>> futex_wait(Thread& self, std::uintptr_t address, std::uint64_t value,
                                     std::uint64_t mask, unsigned flags, std::uintptr_t timeout,
                                     int clock) {
  if (auto checked = check_futex_flags(flags); !checked) return fail(checked.error());
  if (value > longest_futex_value || mask > longest_futex_value) return fail(Errno::einval);
  int operation = abi::futex_wait_bitset | private_flag_of(flags);
  if (timeout != 0) {
    if (auto known = check_futex_clock(clock); !known) return fail(known.error());
    if (clock == abi::clock_realtime) operation |= abi::futex_clock_realtime;
  }
  return any_futex<false>(self, address, operation, static_cast<std::uint32_t>(value), timeout, 0,
                          static_cast<std::uint32_t>(mask));
}

/// flags: 0; EINVAL for others. The two futexes have flags as `futex_wake`
/// linux: A requeue between two memory objects wakes the waiters instead of moving them.
trap::Answer<Result<int>> futex_requeue(Thread& self, std::uintptr_t futexes, unsigned flags,
                                        int wake, int move) {
  if (flags != 0 || futexes == 0) return fail(Errno::einval);
  const auto from = read_futex(self, futexes, 0);
  if (!from) return fail(from.error());
  const auto to = read_futex(self, futexes, 1);
  if (!to) return fail(to.error());
  if (wake < 0 || move < 0) return fail(Errno::einval);
  const auto source = futex_with_flags(self, from->address, from->flags);
  if (!source) return fail(source.error());
  const auto target = futex_with_flags(self, to->address, to->flags);
  if (!target) return fail(target.error());
  const auto unchanged = source->check(static_cast<std::uint32_t>(from->value));
  if (!unchanged) return fail(unchanged.error());
  const int woken = wake > 0 ? source->wake(wake) : 0;
  return woken + source->requeue(move, *target);
}

/// flags: 0; EINVAL for others. Each futex has flags as `futex_wake`; the clocks CLOCK_REALTIME and
///   CLOCK_MONOTONIC
/// linux: none known
trap::Answer<Result<int>> futex_waitv(Thread& self, std::uintptr_t futexes, unsigned count,
                                      unsigned flags, UserPtr<const abi::Timespec> timeout,
                                      int clock) {
  if (flags != 0 || count == 0 || count > abi::futex_waitv_most || futexes == 0)
    return fail(Errno::einval);
  async::Instant deadline = async::never;
  if (timeout) {
    if (auto known = check_futex_clock(clock); !known) return fail(known.error());
    const auto given = timeout.read(self.space()).and_then(to_duration);
    if (!given) return fail(given.error());
    const bool is_wall = clock == abi::clock_realtime;
    deadline = async::Instant{is_wall ? *given - wall_clock_at_boot() : *given};
  }
  if (!memory::can_allocate(count * (sizeof(Futex::Waiter) + sizeof(void*))))
    return fail(Errno::enomem);
  Waiters waiters;
  waiters.reserve(count);
  // First all arguments, then all words, as on Linux.
  for (const bool is_first : {true, false}) {
    for (unsigned i = 0; i < count; ++i) {
      const auto given = read_futex(self, futexes, i);
      if (!given) return fail(given.error());
      if (is_first) continue;
      const auto futex = futex_with_flags(self, given->address, given->flags);
      if (!futex) return fail(futex.error());
      const auto expected = static_cast<std::uint32_t>(given->value);
      if (const auto unchanged = futex->check(expected); !unchanged) return fail(unchanged.error());
      waiters.push_back(std::make_unique<Futex::Waiter>(*futex, expected, Futex::any_bits));
    }
  }
  return self.wait([&] { return wait_for_several(deadline, std::move(waiters)); });
}

}  // namespace sys

KERNEL_CALL(futex_wake, sys::futex_wake);
KERNEL_CALL(futex_wait, sys::futex_wait);
KERNEL_CALL(futex_requeue, sys::futex_requeue);
KERNEL_CALL(futex_waitv, sys::futex_waitv);

}  // namespace kernel
