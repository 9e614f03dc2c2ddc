// Loops and the kernel: calls, priorities, sleep, and the begin and the end of run().
#include <user/process.h>
#include <user/thread.h>

#include <bit>

#include "team.h"

namespace team {
namespace {

Task<> pass_on(Fd from, Fd to, int rounds, Tally& tally) {
  char byte = 0;
  for (int i = 0; i < rounds; ++i) {
    check(co_await sys::read(from, bytes_of(byte)) == 1, "a byte comes");
    tally.count();
    check(co_await sys::write(to, bytes_of(byte)) == 1, "a byte goes");
    if (i % 8 == 0) co_await async::sleep_for(20us);
  }
}

// Coroutines on all loops pass bytes on through pipes. The pipes form circles.
Task<> pass_bytes() {
  constexpr unsigned circles = 6, length = 3;
  constexpr int rounds = 60;
  Tally tally;
  for (int i = 0; i < 20 && (i == 0 || tally.used() < loops); ++i) {
    co_await async::with_scope([&](async::Scope& scope) -> Task<> {
      for (unsigned circle = 0; circle < circles; ++circle) {
        std::array<Pipe, length> pipes;
        for (Pipe& pipe : pipes) pipe = must(make_pipe(), "a pipe");
        for (unsigned i = 0; i < length; ++i) {
          scope.spawn(pass_on(pipes[i].read_end, pipes[(i + 1) % length].write_end, rounds, tally));
        }
        must(write(pipes[0].write_end, "x"), "a byte");
      }
      co_return;
    });
    for (Fd fd = 3; fd < Fd{3 + 2 * circles * length}; ++fd) must(close(fd), "closing");
  }
  check(tally.used() == loops, "{} of {} loops have taken completions", tally.used(), loops);
}

Task<> sleep_a_little() {
  for (int i = 0; i < 4; ++i) co_await async::sleep_for(5ms);
}

nanoseconds processor_time() {
  abi::Timespec time;
  must(call(Call::clock_gettime, abi::clock_process_cputime_id, &time), "the processor's time");
  return std::chrono::seconds{time.seconds} + nanoseconds{time.nanoseconds};
}

Task<> receive_nothing() {
  async::Channel<int, 1> channel;
  co_await async::sleep_for(1ms);
  (void)co_await channel.receive();
}

Task<> leave_jobs() {
  for (int i = 0; i < 10; ++i) {
    async::spawn([]() -> Task<> {
      for (;;) co_await async::yield();
    }())
        .detach();
    async::spawn(sleep_a_little()).detach();
  }
  co_await async::sleep_for(100us);
}

// Shared priorities

// For each loop, whether a thread has run before a less urgent coroutine of the loop ended.
using RanFirst = std::array<bool, 2>;

// The thread of this loop is more urgent than the other one, but this coroutine is not. It is
// always ready, for `longest` or until the other thread has run. The other thread has a real-time
// priority, too: the kernel may find an ordinary thread CPU-bound, and a demotion never makes a
// loop less urgent than a CPU-bound thread.
Task<> run_beside_thread(unsigned loop, unsigned hart, RanFirst& ran_first, nanoseconds longest) {
  must(set_affinity(0, 1ul << hart), "one hart");
  std::atomic<bool> has_run = false;
  Thread thread{[&, hart] {
    must(set_realtime_priority(0, 10), "a lower real-time priority");
    must(set_affinity(0, 1ul << hart), "one hart");
    must(sleep_for(5ms), "sleeping");
    has_run = true;
  }};
  for (const auto end = now() + longest; !has_run && now() < end;) co_await async::yield();
  ran_first[loop] = has_run;
}

Task<> run_beside_threads(RanFirst& ran_first, unsigned harts, nanoseconds longest) {
  std::array<async::JoinHandle<void>, 2> jobs{
      async::spawn(run_beside_thread(0, 0, ran_first, longest), {.priority = 20, .harts = 1}),
      async::spawn(run_beside_thread(1, 1 % harts, ran_first, longest),
                   {.priority = 20, .harts = 2})};
  for (auto& job : jobs) co_await std::move(job);
}

}  // namespace

void calls() {
  on_all(pass_bytes());
}

RanFirst ran_first(bool shares_priority) {
  const unsigned long usable = must(affinity(0), "the machine's harts");
  RanFirst found{};
  must(set_realtime_priority(0, 50), "a real-time priority, which the loops' threads inherit");
  const nanoseconds longest = shares_priority ? 20s : 30ms;
  run(run_beside_threads(found, std::min(2, std::popcount(usable)), longest),
      {.shares_priority = shares_priority, .harts = 2});
  must(set_realtime_priority(0, 0), "no real-time priority");
  must(set_affinity(0, usable), "all harts");
  return found;
}

void priorities() {
  const RanFirst first = ran_first(true);
  check(first[0] && first[1], "a thread runs before less urgent coroutines: {} {}", first[0],
        first[1]);
  check(ran_first(false) == RanFirst{}, "without sharing, the loops' threads run first");
}

// Refused threads

void set_space_limit(std::uint64_t bytes) {
  std::array<std::uint64_t, 2> limit{};
  must(call(Call::prlimit64, 0, abi::rlimit_as, nullptr, limit.data()), "the limit");
  limit[0] = bytes;
  must(call(Call::prlimit64, 0, abi::rlimit_as, limit.data(), nullptr), "another limit");
}

Task<std::uint64_t> work_without_limit(Tally& tally) {
  set_space_limit(~std::uint64_t{0});
  for (int i = 0; i < 50; ++i) check(co_await fib(12, tally) == fib_of(12), "fib");
  co_return async::Executor::end();
}

void refused() {
  Tally tally;
  set_space_limit(12 << 20);
  const auto loops_made = run(work_without_limit(tally), {.harts = 64});
  check(loops_made < 64, "there is memory for {} of 64 loops", loops_made);
}

void sleeps() {
  const auto before = processor_time();
  run(sleep_a_little(), {.harts = loops});
  const auto used = processor_time() - before;
  check(used < 10ms, "idle loops sleep: they used {} of at least 20 ms", used.count());
}

void deadlock() {
  on_all(receive_nothing());
}

void deadlocks() {
  const char* const arguments[] = {"team", "--deadlock", "2", nullptr};
  must(spawn(program_path(), arguments, {}), "a program");
  const auto ended = must(wait(), "waiting");
  check(ended.status.was_killed() && ended.status.signal() == abi::Signal::sigabrt,
        "SIGABRT ends a program with a deadlock of coroutines");
}

void repeats() {
  for (unsigned i = 0; i < 30; ++i) {
    const unsigned harts = 1 + i % loops;
    Tally tally;
    check(run(fib(10, tally), {.harts = harts}) == fib_of(10), "run() can be called again");
    run(leave_jobs(), {.shares_priority = i % 2 == 0, .harts = harts});
  }
}

}  // namespace team
