#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "self_tests/self_tests.h"
#include "self_tests/spinner.h"
#include "self_tests/team.h"

namespace kernel::self_tests {
namespace {

using namespace std::chrono_literals;
using async::Duration;
using async::Instant;

constexpr std::uint64_t longest = 1'000;  // milliseconds

Instant after(std::uint64_t milliseconds) {
  return async::now() + milliseconds * 1ms;
}

/// A job that wakes every millisecond. It records its delays, and the rounds of the spinner between
/// two wakes.
struct Ticker {
  async::Task<> run(Instant end, const Spinner& spinner) {
    std::uint64_t before = 0;
    for (Instant next = async::now() + 1ms; next < end && !stop; next += 1ms) {
      (void)co_await async::sleep_until(next, "the next millisecond");
      const Duration by = async::now() - next;
      worst = std::max(worst, by);
      late += by > 1ms;
      ++wakes;
      const std::uint64_t rounds = spinner.check.rounds;
      most_rounds = std::max(most_rounds, rounds - std::exchange(before, rounds));
    }
  }

  std::atomic<bool> stop = false;
  std::uint64_t wakes = 0, late = 0, most_rounds = 0;
  Duration worst{};
};

}  // namespace

async::Task<Result<Words>> spin(std::uint64_t milliseconds) {
  if (milliseconds > longest) co_return fail(Errno::einval);
  Spinner spinner{0x5a5a'0f0f'1234'0000};
  Ticker ticker;
  Team team;
  const Instant begin = async::now(), end = after(milliseconds);
  team.start(spinner.run(end), "spinner", computing);
  team.start(ticker.run(end, spinner), "ticker", above);
  co_await team.wait([&] {
    spinner.check.stop = 1;
    ticker.stop = true;
  });
  co_return Words{spinner.intact, spinner.check.rounds,      ticker.wakes,      ns(ticker.worst),
                  ticker.late,    ns(spinner.ended - begin), ticker.most_rounds};
}

async::Task<Result<Words>> spin_two(std::uint64_t milliseconds) {
  if (milliseconds > longest) co_return fail(Errno::einval);
  Spinner first{1}, second{2};
  Team team;
  const Instant end = after(milliseconds);
  team.start(first.run(end), "first spinner", computing);
  team.start(second.run(end), "second spinner", computing);
  co_await team.wait([&] {
    first.check.stop = 1;
    second.check.stop = 1;
  });
  co_return Words{first.check.rounds, second.check.rounds, first.intact && second.intact};
}

namespace {

async::Task<> spin_from(Spinner& spinner, Instant begin, Instant end) {
  (void)co_await async::sleep_until(begin, "its start time");
  co_await spinner.run(end);
}

}  // namespace

async::Task<Result<Words>> nest(std::uint64_t coroutines) {
  constexpr std::size_t most = 12;
  if (coroutines == 0 || coroutines > most) co_return fail(Errno::einval);
  const std::unique_ptr<Spinner[]> spinners{new Spinner[coroutines]};
  const std::uint64_t before = count_of(trap::Action::switch_stack);
  Team team;
  const Instant begin = async::now() + 1ms, end = after(2 * most);
  for (std::size_t i = 0; i < coroutines; ++i) {
    spinners[i].check.seed = i << 32;
    team.start(spin_from(spinners[i], begin + i * 1ms, end), "spinner",
               static_cast<std::uint8_t>(computing - i));
  }
  co_await team.wait();
  const bool intact = std::all_of(spinners.get(), spinners.get() + coroutines,
                                  [](const Spinner& spinner) { return spinner.intact; });
  co_return Words{intact, count_of(trap::Action::switch_stack) - before};
}

async::Task<Result<Words>> stall(std::uint64_t milliseconds) {
  if (milliseconds > longest) co_return fail(Errno::einval);
  co_await async::yield();
  for (const Instant end = after(milliseconds); async::now() < end;) {
  }
  co_await async::yield();
  co_return Words{};
}

namespace {

/// Two wakes at chosen times during a spinner's step. The second interrupt comes while the hart
/// enters the first job, runs it, or returns to the spinner.
struct Injection {
  async::Task<> first(Instant at, const Spinner& spinner) {
    (void)co_await async::sleep_until(at, "the first interrupt");
    woke = async::now();
    rounds = spinner.check.rounds;
  }
  async::Task<> second(Instant at, Spinner& spinner) {
    (void)co_await async::sleep_until(at, "the second interrupt");
    ran_again = spinner.check.rounds > rounds;
    // A third wake at the end: the spinner has been resumed and has checked its registers.
    (void)co_await async::sleep_until(at + look_around, "the spinner");
    spinner.check.stop = 1;
  }

  static constexpr Duration look_around = 300us;
  Instant woke{};
  std::uint64_t rounds = ~0ull;  ///< rounds of the spinner before the first wake
  bool ran_again = false;        ///< the spinner made further rounds before the second wake
};

}  // namespace

async::Task<Result<Words>> inject(std::uint64_t deadlines) {
  if (deadlines > 10'000) co_return fail(Errno::einval);
  const Duration tick{hal::clock_period_ns()};
  const std::uint64_t before = count_of(trap::Action::switch_stack);
  std::uint64_t inside = 0, in_a_row = 0;
  bool intact = true;
  Duration window{};
  for (std::uint64_t apart = 1; apart <= deadlines && intact && !async::is_cancelled(); ++apart) {
    Spinner spinner{apart << 16};
    Injection injection;
    Team team;
    const Instant start = async::now() + 500us;
    team.start(spinner.run(start + 100ms), "spinner", computing);
    team.start(injection.first(start, spinner), "first", above);
    team.start(injection.second(start + apart * tick, spinner), "second", above - 1);
    co_await team.wait();
    intact = spinner.intact && spinner.check.rounds > 0;
    window = injection.woke - start;
    inside += !injection.ran_again;
    if (inside == apart) in_a_row = apart;
  }
  co_return Words{intact,     deadlines, count_of(trap::Action::switch_stack) - before,
                  ns(window), inside,    in_a_row};
}

}  // namespace kernel::self_tests
