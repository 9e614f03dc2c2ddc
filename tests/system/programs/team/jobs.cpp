// Jobs move between loops, and use the same objects.
#include <user/stackful.h>

#include <bit>
#include <vector>

#include "team.h"

namespace team {
namespace {

// Waits in one step until `count` steps do the same.
void wait_for_others(std::atomic<unsigned>& here, unsigned count) {
  ++here;
  const auto end = now() + 20s;
  while (here < count && now() < end) continue;
  check(here >= count, "{} of {} loops compute at the same time", here.load(), count);
}

Task<> meet_others(std::atomic<unsigned>& here, std::atomic<unsigned long>& harts) {
  preemptible([&] { wait_for_others(here, loops); });  // gives other jobs to idle loops meanwhile
  harts |= 1ul << current_hart();
  co_return;
}

// As many steps as loops wait for each other in mid-step, so they run at the same time.
Task<> meet() {
  std::atomic<unsigned long> harts = 0;  // that have computed
  for (int round = 0; round < 20; ++round) {
    std::atomic<unsigned> here = 0;
    co_await async::with_scope([&](async::Scope& scope) -> Task<> {
      for (unsigned i = 0; i < loops; ++i) scope.spawn(meet_others(here, harts));
      co_return;
    });
  }
  const int usable = std::popcount(must(affinity(0), "the machine's harts"));
  check(std::popcount(harts.load()) >= std::min<int>(usable, loops), "the loops use all harts");
}

Task<std::uint64_t> steal(Tally& tally) {
  std::uint64_t sum = 0;
  const auto end = now() + 20s;
  do {
    sum = co_await fib(18, tally);
  } while (tally.used() < loops && now() < end);
  check(loops == 1 || migrations() != 0, "jobs move between loops");
  co_return sum;
}

// ── Objects that loops share ──

Task<> produce(async::Channel<std::uint64_t, 4>& channel, std::uint64_t from, std::uint64_t to) {
  for (; from < to; ++from) {
    (void)co_await channel.send(from);
    if (from % 16 == 0) co_await async::yield();
  }
}

Task<> add_up(async::Channel<std::uint64_t, 4>& channel, int count, async::Mutex& mutex,
              std::uint64_t& sum) {
  for (; count > 0; --count) {
    const auto value = co_await channel.receive();
    check(value.has_value(), "each message arrives");
    const auto lock = co_await mutex.lock();
    sum += *value;
  }
}

Task<> share() {
  constexpr int pairs = 8, each = 500;
  async::Channel<std::uint64_t, 4> channel;
  async::Mutex mutex;
  std::uint64_t sum = 0;
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (std::uint64_t i = 0; i < pairs; ++i) {
      scope.spawn(produce(channel, i * each, (i + 1) * each));
      scope.spawn(add_up(channel, each, mutex, sum));
    }
    co_return;
  });
  constexpr std::uint64_t all = pairs * each;
  check(sum == all * (all - 1) / 2, "the mutex protects the sum of all messages");
}

// Jobs of the strand may be cancelled and have deadlines, on whichever loop they wait.
Task<int> read_late(Fd from) {
  int late = 0;
  char byte = 0;
  for (int i = 0; i < 50; ++i) {
    const auto done =
        co_await async::with_deadline(async::now() + 100us, sys::read(from, bytes_of(byte)));
    if (!done) ++late;
    co_await async::yield();
  }
  co_return late;
}

Task<> read_for_ever(Fd from, int& cancelled) {
  char byte = 0;
  const auto done = co_await sys::read(from, bytes_of(byte));
  if (!done && done.error() == Errno::ecanceled) ++cancelled;
}

Task<> cancel_in_strand(Fd from) {
  int cancelled = 0;
  for (int i = 0; i < 50; ++i) {
    auto reader = async::spawn(read_for_ever(from, cancelled));
    co_await async::sleep_for(50us);
    reader.cancel();
    co_await std::move(reader);
  }
  check(cancelled == 50, "cancel() ends each read");
}

Task<> cancel() {
  const auto pipe = must(make_pipe(), "a pipe");
  std::atomic<bool> over = false;
  auto noise = async::spawn([](std::atomic<bool>& over) -> Task<> {
    while (!over) co_await async::yield();
  }(over));
  auto late = async::spawn_in_strand(read_late(pipe.read_end));
  auto later = async::spawn_in_strand(read_late(pipe.read_end));
  auto cancels = async::spawn_in_strand(cancel_in_strand(pipe.read_end));
  check(co_await std::move(late) == 50, "each deadline ends a read");
  check(co_await std::move(later) == 50, "each deadline ends a read");
  co_await std::move(cancels);
  over = true;
  co_await std::move(noise);
}

Task<> stackful_ones() {
  for (int round = 0; round < 20; ++round) {
    async::Channel<int, 2> channel;
    std::vector<async::JoinHandle<int>> jobs;
    for (int i = 0; i < 8; ++i) {
      jobs.push_back(must(spawn_stackful([&] {
                            int sum = 0;
                            for (int n = 1; n <= 20; ++n) {
                              if (n % 2 == 0) wait_for(async::yield());
                              if (n % 5 == 0) wait_for(async::sleep_for(10us));
                              (void)wait_for(channel.send(n));
                              sum += *wait_for(channel.receive());
                            }
                            return sum;
                          }),
                          "a stack"));
    }
    int sum = 0;
    for (auto& job : jobs) sum += co_await std::move(job);
    check(sum == 8 * 210, "stackful jobs on several loops get all messages: {}", sum);
  }
}

}  // namespace

void meets() {
  on_all(meet());
}

void steals() {
  Tally tally;
  check(run(steal(tally), {.harts = loops}) == fib_of(18), "the sum of all jobs is right");
  check(tally.used() == loops, "{} of {} loops have run jobs", tally.used(), loops);
}

void shares() {
  on_all(share());
}

void cancels() {
  on_all(cancel());
}

void stackful() {
  on_all(stackful_ones());
}

}  // namespace team
