// The system call that starts a self-test (abi/exercise.h).
#include <abi/exercise.h>

#include <algorithm>
#include <span>

#include "exercises/exercises.h"
#include "process/thread.h"
#include "syscalls/own_calls.h"
#include "syscalls/self_tests.h"

namespace kernel {
namespace {

async::Task<Result<exercises::Words>> start(abi::Exercise which, std::uint64_t argument) {
  using abi::Exercise;
  const exercises::Counter counter{(argument & abi::by_the_clock) != 0};
  const std::uint64_t times = argument & ~abi::by_the_clock;
  switch (which) {
    case Exercise::spin: return exercises::spin(argument);
    case Exercise::spin_two: return exercises::spin_two(argument);
    case Exercise::bell_preempts: return exercises::bell_in_step(argument, true);
    case Exercise::bell_wakes: return exercises::bell_in_step(argument, false);
    case Exercise::bell_at_yield_point: return exercises::bell_at_yield_point(argument);
    case Exercise::set_bell: return exercises::set_bell(argument != 0);
    case Exercise::inject: return exercises::inject(argument);
    case Exercise::yield: return exercises::yield(times, counter);
    case Exercise::nest: return exercises::nest(argument);
    case Exercise::stall: return exercises::stall(argument);
    case Exercise::storm: return exercises::storm(argument);
    case Exercise::roam: return exercises::roam(argument);
    case Exercise::channel: return exercises::channel(times, counter);
    case Exercise::spawn: return exercises::spawn(times, counter);
    case Exercise::wait: return exercises::wait(argument);
    case Exercise::switch_stack: return exercises::switch_stack(times, counter);
    case Exercise::deadlock: return exercises::deadlock();
    case Exercise::deadlock_by_join: return exercises::deadlock_by_join();
    case Exercise::double_enqueue: return exercises::double_enqueue();
    case Exercise::lost_wake: return exercises::lost_wake(argument);
    case Exercise::starvation: return exercises::starvation(argument);
    case Exercise::wake_remote: return exercises::wake_remote();
    case Exercise::wake_preempted: return exercises::wake_preempted(argument);
    default:
      return []() -> async::Task<Result<exercises::Words>> { co_return fail(Errno::einval); }();
  }
}

}  // namespace

namespace sys {

trap::Attempt<Result<>> try_exercise(Thread&, abi::Exercise which, std::uint64_t,
                                     UserSpan<std::uint64_t>) {
  // Without a coroutine, so that the program runs on at once.
  if (which == abi::Exercise::ring_bell) return exercises::ring_bell();
  return trap::Attempt<Result<>>::wait();
}

async::Task<Result<>> exercise(Thread& self, abi::Exercise which, std::uint64_t argument,
                               UserSpan<std::uint64_t> words) {
  static constinit bool one_runs = false;
  if (one_runs) co_return fail(Errno::ebusy);
  one_runs = true;
  const auto result = co_await start(which, argument);
  one_runs = false;
  if (!result) co_return fail(result.error());
  const std::size_t count = std::min(words.size(), result->size());
  co_return words.write(self.space(), std::span(*result).first(count));
}

}  // namespace sys

constinit const trap::SyscallEntry<Thread> self_test_entry =
    OwnCallTable{unknown_call}.with_registers<sys::try_exercise, sys::exercise>(0)[0];

}  // namespace kernel
