#include <hal/bell.h>
#include <hal/instructions.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>

#include "self_tests/bell.h"
#include "self_tests/team.h"

namespace kernel::self_tests {
namespace {

using hal::instructions;

/// Waits for the bell, and records the time at which the waiting coroutine runs.
class WaitOp : public async::Interrupt::WaitOp {
 public:
  explicit WaitOp(std::uint64_t& begun)
      : async::Interrupt::WaitOp{bell(), "the bell"}, begun_{begun} {}
  async::WaitResult await_resume() noexcept {
    begun_ = instructions();
    return async::Interrupt::WaitOp::await_resume();
  }

 private:
  std::uint64_t& begun_;
};

/// Times of `count` rings, in instructions: of the ring, the begin and end of its handler, and the
/// return to the ringing job. Shared by coroutines of one hart.
struct Rings {
  explicit Rings(std::uint64_t count)
      : rung(new std::uint64_t[count]{}),
        begun(new std::uint64_t[count]{}),
        done(new std::uint64_t[count]{}),
        back(new std::uint64_t[count]{}),
        count{count} {}

  std::unique_ptr<std::uint64_t[]> rung, begun, done, back;
  std::uint64_t count;
  std::atomic<bool> stop = false;  // tells all jobs to end soon

  bool is_running() const { return !stop.load(std::memory_order_relaxed); }

  /// Handles the bell's interrupts as a driver does. The caller has opened the bell: a ring before
  /// that would be lost.
  async::Task<> serve() {
    for (std::uint64_t i = 0; i < count && is_running();) {
      (void)co_await WaitOp{begun[i]};
      quiet_bell();
      if (rung[i] == 0) continue;  // left over from a cancelled self-test
      done[i++] = instructions();
    }
    close_bell();
  }

  /// Rings the bell and computes until the handler has run.
  async::Task<> ring_and_compute(bool preempting) {
    for (std::uint64_t i = 0; i < count && is_running(); ++i) {
      rung[i] = instructions();
      hal::ring_bell();
      volatile const std::uint64_t& served = done[i];
      // If `preempting` is false, the handler is equally urgent, and runs when this job yields.
      while (preempting && served == 0 && is_running()) {
      }
      back[i] = instructions();
      do {
        co_await async::yield();
      } while (served == 0 && is_running());  // two pending rings of the bell are one interrupt
    }
  }

  /// Waits until all jobs of the team have ended. Makes them end soon if the caller is cancelled.
  async::Task<> wait(Team& team) {
    co_await team.wait([this] {
      stop = true;
      hal::ring_bell();
    });
  }

  static std::uint64_t median(std::span<const std::uint64_t> from,
                              std::span<const std::uint64_t> to) {
    std::unique_ptr<std::uint64_t[]> each(new std::uint64_t[from.size()]);
    for (std::size_t i = 0; i < from.size(); ++i) each[i] = to[i] - from[i];
    std::ranges::nth_element(each.get(), each.get() + from.size() / 2, each.get() + from.size());
    return each[from.size() / 2];
  }
  std::span<std::uint64_t> all(const std::unique_ptr<std::uint64_t[]>& times) const {
    return {times.get(), count};
  }
  Result<Words> report(bool preempting) const {
    if (!is_running()) return fail(Errno::eintr);
    const std::uint64_t to_handler = median(all(rung), all(begun));
    // Without preemption the ringing job continued before the handler ran, so there is no return.
    return Words{to_handler, preempting ? median(all(done), all(back)) : 0};
  }
};

async::Task<Result<Words>> ring_in_step(std::uint64_t times, bool preempting) {
  Rings rings{times};
  Team team;
  open_bell();
  team.start(rings.serve(), "bell", preempting ? above : computing);
  team.start(rings.ring_and_compute(preempting), "ringer", computing);
  co_await rings.wait(team);
  co_return rings.report(preempting);
}

async::Task<Result<Words>> ring_at_yield_point(std::uint64_t times) {
  Rings rings{times};
  Team team;
  open_bell();
  team.start(rings.serve(), "bell", above);
  co_await async::yield();
  for (std::uint64_t i = 0; i < times && !async::is_cancelled(); ++i) {
    hal::ring_bell();  // interrupts are masked until the yield
    rings.rung[i] = instructions();
    volatile const std::uint64_t& done = rings.done[i];
    do {
      co_await async::yield();
    } while (done == 0);
    rings.back[i] = instructions();
  }
  co_await rings.wait(team);
  co_return rings.report(true);
}

async::Task<Result<Words>> refuse() {
  co_return fail(Errno::einval);
}

bool is_possible(std::uint64_t times) {
  constexpr std::uint64_t most = 1'000;
  return times != 0 && times <= most;
}

}  // namespace

async::Task<Result<Words>> bell_in_step(std::uint64_t times, bool preempting) {
  return is_possible(times) ? with_bell(ring_in_step(times, preempting)) : refuse();
}

async::Task<Result<Words>> bell_at_yield_point(std::uint64_t times) {
  return is_possible(times) ? with_bell(ring_at_yield_point(times)) : refuse();
}

}  // namespace kernel::self_tests
