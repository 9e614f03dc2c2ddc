#include <hal/timer.h>

#include <atomic>
#include <bit>
#include <chrono>

#include "self_tests/self_tests.h"
#include "self_tests/spinner.h"
#include "self_tests/team.h"

namespace kernel::self_tests {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t above_programs = 8;

/// Waits, and records the time at which it runs again.
async::Task<> wait_there(async::Interrupt& interrupt, std::atomic<bool>& waits,
                         async::Instant& woken) {
  waits = true;
  (void)co_await interrupt.wait("a wake from another hart");
  woken = async::now();
}

/// A hart other than this one; max_harts if there is none.
unsigned another_hart() {
  const async::HartMask here = async::hart_mask(async::platform::hart());
  const async::HartMask others = async::Executor::all() & ~here;
  return others == 0 ? async::platform::max_harts : std::countr_zero(others);
}

/// Three preemptible jobs. The waker wakes the waiter on another, idle hart. The third job preempts
/// the waker during the wake, and then waits until the waiter has run.
class PreemptedWake {
 public:
  PreemptedWake(unsigned there, std::uint64_t rounds)
      : interrupt_{there}, there_{async::hart_mask(there)}, rounds_{rounds} {}

  async::Task<> wait() {
    while (!over_) {
      (void)co_await interrupt_.wait("a wake from another hart");
      served_ = round_.load();
    }
  }

  async::Task<> wake() {
    waker_ = &async::current_job();
    for (;;) {
      (void)co_await async::park("a round");
      if (over_) co_return;
      begins_ = async::now();
      wakes_ = true;
      interrupt_.raise();
      wakes_ = false;
    }
  }

  async::Task<> preempt() {
    async::Duration lead = 5ms;  // from a round's begin to its wake; the first round measures it
    for (;;) {
      do {
        (void)co_await async::sleep_for(1ms, "the other jobs");
      } while (waker_ == nullptr || (async::Executor::idle_harts() & there_) == 0);
      if (round_ == rounds_ || stop) break;
      const std::uint64_t round = ++round_;
      const async::Instant begin = async::now();
      async::Executor::unpark(*waker_);
      const auto later = round * async::Duration{hal::clock_period_ns()};
      (void)co_await async::sleep_until(begin + lead + later, "a wake to preempt");
      if (round == 1) lead = begins_ - begin;
      in_midst_ += wakes_;
      interrupt_.raise();
      // A machine that counts instructions runs each hart for 5 ms at a time. At 10 ms the step
      // would be reported as a stall.
      const async::Instant limit = async::now() + 9ms;
      while (served_ != round && async::now() < limit) {
      }
      lost_ += served_ != round;
    }
    over_ = true;
    async::Executor::unpark(*waker_);
    interrupt_.raise();
  }

  Words report() const { return {lost_, in_midst_, round_}; }

  std::atomic<bool> stop = false;

 private:
  async::Interrupt interrupt_;
  async::HartMask there_;
  std::uint64_t rounds_;
  async::Job* waker_ = nullptr;
  async::Instant begins_{};          // time of this round's wake
  std::atomic<bool> wakes_ = false;  // the waker is in raise()
  std::atomic<bool> over_ = false;
  std::atomic<std::uint64_t> round_ = 0;
  std::atomic<std::uint64_t> served_ = 0;  // the last round in which the waiter ran
  std::uint64_t lost_ = 0, in_midst_ = 0;
};

}  // namespace

async::Task<Result<Words>> wake_remote() {
  const unsigned there = another_hart();
  if (there == async::platform::max_harts) co_return fail(Errno::enxio);
  async::Interrupt interrupt{there};
  std::atomic<bool> waits = false;
  async::Instant woken{};
  Team team;
  team.start(wait_there(interrupt, waits, woken), "waiter", above_programs,
             async::hart_mask(there));
  // Waits until the other job has started. In the sleep of 100 µs it normally reaches its wait, and
  // its hart becomes idle.
  do {
    if (co_await async::sleep_for(100us, "the other hart") != async::WaitResult::woken) break;
  } while (!waits);
  const async::Instant begin = async::now();
  interrupt.raise();
  co_await team.wait();
  co_return Words{static_cast<std::uint64_t>((woken - begin).count())};
}

async::Task<Result<Words>> wake_preempted(std::uint64_t times) {
  constexpr std::uint64_t most = 100'000;
  if (times == 0 || times > most) co_return fail(Errno::einval);
  const unsigned there = another_hart();
  if (there == async::platform::max_harts) co_return fail(Errno::enxio);
  PreemptedWake wake{there, times};
  Team team;
  team.start(wake.wait(), "waiter", above_programs, async::hart_mask(there));
  team.start(wake.wake(), "waker", computing);
  team.start(wake.preempt(), "preempts", above);
  co_await team.wait([&] { wake.stop = true; });
  co_return wake.report();
}

}  // namespace kernel::self_tests
