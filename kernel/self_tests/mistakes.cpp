// Intentional scheduling bugs, which sched/job_watch.h must detect.
#include <async/async.h>

#include <algorithm>
#include <chrono>

#include "self_tests/self_tests.h"

namespace kernel::self_tests {

using namespace std::chrono_literals;

namespace {

async::Task<> wait_for_event(async::Event& event) {
  (void)co_await event.wait("an event");
}

async::Duration length(std::uint64_t milliseconds) {
  return std::chrono::milliseconds(std::min<std::uint64_t>(milliseconds, 1000));
}

/// Returns when `job` waits.
async::Task<> let_wait(const async::Job& job) {
  while (job.kind != async::Kind::waiting && !async::is_cancelled()) {
    (void)co_await async::sleep_for(100us, "a waiting job");
  }
}

}  // namespace

// Only records the trace event of a second wake: a real one would damage the ready list.
async::Task<Result<Words>> double_enqueue() {
  async::Event event;
  auto twice = async::spawn(wait_for_event(event), {.name = "woken twice"});
  co_await let_wait(twice.job());
  event.set();
  async::trace(async::TraceEvent::wake, twice.job());
  co_await std::move(twice);
  co_return Words{};
}

// Records the trace event of a wake without making the job ready.
async::Task<Result<Words>> lost_wake(std::uint64_t milliseconds) {
  async::Event event;
  auto forgotten = async::spawn(wait_for_event(event), {.name = "forgotten"});
  co_await let_wait(forgotten.job());
  async::trace(async::TraceEvent::wake, forgotten.job());
  (void)co_await async::sleep_for(length(milliseconds), "the report of a lost wake");
  async::trace(async::TraceEvent::wait, forgotten.job());
  event.set();
  co_await std::move(forgotten);
  co_return Words{};
}

// A ready job does not run, because this more urgent one always is ready.
async::Task<Result<Words>> starvation(std::uint64_t milliseconds) {
  async::Event event;
  const async::HartMask here = async::hart_mask(async::current_executor().hart());
  auto hungry =
      async::spawn(wait_for_event(event), {.name = "hungry", .priority = 31, .harts = here});
  co_await let_wait(hungry.job());
  event.set();
  for (const auto end = async::now() + length(milliseconds); async::now() < end;) {
    co_await async::yield();
    if (async::is_cancelled()) break;
  }
  co_await std::move(hungry);
  co_return Words{};
}

}  // namespace kernel::self_tests
