// The system call that starts a self-test (abi/self_test.h).
#include <abi/self_test.h>

#include <algorithm>
#include <span>

#include "dispatch/private_calls.h"
#include "process/thread.h"
#include "self_tests/self_tests.h"

namespace kernel {
namespace {

async::Task<Result<self_tests::Words>> start(abi::SelfTest which, std::uint64_t argument) {
  using abi::SelfTest;
  const self_tests::Counter counter{(argument & abi::by_the_clock) != 0};
  const std::uint64_t times = argument & ~abi::by_the_clock;
  switch (which) {
    case SelfTest::spin: return self_tests::spin(argument);
    case SelfTest::spin_two: return self_tests::spin_two(argument);
    case SelfTest::bell_preempts: return self_tests::bell_in_step(argument, true);
    case SelfTest::bell_wakes: return self_tests::bell_in_step(argument, false);
    case SelfTest::bell_at_yield_point: return self_tests::bell_at_yield_point(argument);
    case SelfTest::set_bell: return self_tests::set_bell(argument != 0);
    case SelfTest::inject: return self_tests::inject(argument);
    case SelfTest::yield: return self_tests::yield(times, counter);
    case SelfTest::nest: return self_tests::nest(argument);
    case SelfTest::stall: return self_tests::stall(argument);
    case SelfTest::storm: return self_tests::storm(argument);
    case SelfTest::roam: return self_tests::roam(argument);
    case SelfTest::channel: return self_tests::channel(times, counter);
    case SelfTest::spawn: return self_tests::spawn(times, counter);
    case SelfTest::wait: return self_tests::wait(argument);
    case SelfTest::switch_stack: return self_tests::switch_stack(times, counter);
    case SelfTest::deadlock: return self_tests::deadlock();
    case SelfTest::deadlock_by_join: return self_tests::deadlock_by_join();
    case SelfTest::double_enqueue: return self_tests::double_enqueue();
    case SelfTest::lost_wake: return self_tests::lost_wake(argument);
    case SelfTest::starvation: return self_tests::starvation(argument);
    case SelfTest::wake_remote: return self_tests::wake_remote();
    case SelfTest::wake_preempted: return self_tests::wake_preempted(argument);
    case SelfTest::interrupt_broken_stack:
      return self_tests::interrupt_broken_stack(static_cast<abi::BrokenStack>(argument));
    default:
      return []() -> async::Task<Result<self_tests::Words>> { co_return fail(Errno::einval); }();
  }
}

}  // namespace

namespace sys {

async::Task<Result<>> run_self_test(Thread& self, abi::SelfTest which, std::uint64_t argument,
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

trap::Answer<Result<>> self_test(Thread& self, abi::SelfTest which, std::uint64_t argument,
                                 UserSpan<std::uint64_t> words) {
  // Answered at once, so that the program continues at once.
  if (which == abi::SelfTest::ring_bell) return self_tests::ring_bell(argument != 0);
  if (which == abi::SelfTest::take_ring) {
    const auto taken = self_tests::take_ring();
    if (!taken) return fail(taken.error());
    return words.write(self.space(), std::span{&*taken, 1});
  }
  return self.wait([&] { return run_self_test(self, which, argument, words); });
}

}  // namespace sys

trap::Register self_test(Thread& self, const trap::UserContext& context) {
  return trap::answer_with<Thread, sys::self_test>(self, context);
}

}  // namespace kernel
