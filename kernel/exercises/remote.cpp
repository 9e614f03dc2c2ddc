#include <atomic>
#include <bit>
#include <chrono>

#include "exercises/exercises.h"
#include "exercises/team.h"

namespace kernel::exercises {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t above_programs = 8;

/// Waits on its hart, and says when it has come to run.
async::Task<> wait_there(async::Interrupt& interrupt, std::atomic<bool>& waits,
                         async::Instant& woken) {
  waits = true;
  (void)co_await interrupt.wait("a wake from elsewhere");
  woken = async::now();
}

}  // namespace

async::Task<Result<Words>> wake_remote() {
  const unsigned here = async::platform::hart();
  const async::HartMask others = async::Executor::all() & ~async::hart_mask(here);
  if (others == 0) co_return fail(Errno::enxio);
  const auto there = static_cast<unsigned>(std::countr_zero(others));
  async::Interrupt interrupt{there};
  std::atomic<bool> waits = false;
  async::Instant woken{};
  Team team;
  team.start(wait_there(interrupt, waits, woken), "waiter", above_programs,
             async::hart_mask(there));
  // Until it waits, and its hart has nothing to do.
  do {
    if (co_await async::sleep_for(100us, "the other hart") != async::WaitResult::woken) break;
  } while (!waits);
  const async::Instant begin = async::now();
  interrupt.raise();
  co_await team.wait();
  co_return Words{static_cast<std::uint64_t>((woken - begin).count())};
}

}  // namespace kernel::exercises
