// team PART HARTS: runs one test of coroutines on several harts (user/async.h, RunOptions::harts).
// HARTS is the number of loops.
#include <async/parallel.h>
#include <user/async.h>
#include <user/check.h>
#include <user/process.h>
#include <user/stackful.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

using namespace user;
using async::Task;

namespace {

unsigned loops = 0;

std::span<std::byte> bytes_of(auto& value) {
  return std::as_writable_bytes(std::span{&value, 1});
}

// How many steps or parts of steps each loop has done.
struct Tally {
  std::array<std::atomic<std::uint64_t>, 64> each{};
  void count() { ++each[async::platform::hart()]; }
  unsigned used() const {
    return static_cast<unsigned>(std::ranges::count_if(each, [](auto& n) { return n != 0; }));
  }
};

std::uint64_t migrations() {
  std::uint64_t sum = 0;
  for (unsigned hart = 0; hart < async::Executor::end(); ++hart) {
    if (auto* const executor = async::Executor::of(hart)) sum += executor->migrations();
  }
  return sum;
}

// ── Spawn, steal, join ──

// Waits in one step until `count` steps do the same.
void meet(std::atomic<unsigned>& here, unsigned count) {
  ++here;
  const auto end = now() + 20s;
  while (here < count && now() < end) continue;
  check(here >= count, "{} of {} loops compute at the same time", here.load(), count);
}

Task<> meet_others(std::atomic<unsigned>& here, std::atomic<unsigned long>& harts) {
  preemptible([&] { meet(here, loops); });  // gives other jobs to idle loops meanwhile
  harts |= 1ul << current_hart();
  co_return;
}

// As many steps as loops wait for each other in mid-step, so they run at the same time.
Task<> meets() {
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

Task<std::uint64_t> fib(unsigned n, Tally& tally) {
  tally.count();
  if (n < 2) co_return n;
  auto left = async::spawn(fib(n - 1, tally), {.name = "fib"});
  const std::uint64_t right = co_await fib(n - 2, tally);
  co_return right + co_await std::move(left);
}

std::uint64_t fib_of(unsigned n) {
  std::uint64_t a = 0, b = 1;
  for (; n > 0; --n) b += std::exchange(a, b);
  return a;
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

void steals() {
  Tally tally;
  check(run(steal(tally), {.harts = loops}) == fib_of(18), "the sum of all jobs is right");
  check(tally.used() == loops, "{} of {} loops have run jobs", tally.used(), loops);
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

// ── Calls through the rings ──

Task<> pass_on(Fd from, Fd to, int rounds, Tally& tally) {
  char byte = 0;
  for (int i = 0; i < rounds; ++i) {
    check(co_await sys::read(from, bytes_of(byte)) == 1, "a byte comes");
    tally.count();
    check(co_await sys::write(to, bytes_of(byte)) == 1, "a byte goes");
    if (i % 8 == 0) co_await async::sleep_for(20us);
  }
}

// Bytes go round in circles of pipes, whose coroutines may be on any loop.
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

// ── Preemption ──

struct Urgent {
  std::atomic<bool> over = false;
  std::atomic<int> ran = 0;
  std::atomic<unsigned> computing = 0;
};

Task<> be_urgent(Urgent& urgent) {
  while (!urgent.over) {
    co_await async::sleep_for(100us);
    ++urgent.ran;
  }
}

// Each loop computes in one preemptible step until urgent coroutines have run in between.
Task<> compute(Urgent& urgent) {
  const unsigned hart = async::platform::hart();
  ++urgent.computing;
  preemptible([&] {
    const auto end = now() + 20s;
    while ((urgent.computing < loops || urgent.ran < 200) && now() < end) {
      std::uint64_t a = 1, b = 2;
      for (int i = 0; i < 1000; ++i) a = a * 3 - 2, b = b * 5 - 8;
      check(a == 1 && b == 2, "registers keep their values");
    }
  });
  check(hart == async::platform::hart(), "a preempted step continues on its loop");
  check(urgent.ran >= 200, "urgent coroutines run in the middle of steps");
  check(upcall_counts().preemptions > 0, "each loop's step is preempted");
  co_return;
}

Task<> preempt() {
  Urgent urgent;
  std::vector<async::JoinHandle<void>> urgent_ones, computing;
  for (unsigned i = 0; i < loops; ++i) {
    urgent_ones.push_back(async::spawn(be_urgent(urgent), {.priority = 0, .harts = 1ul << i}));
    computing.push_back(async::spawn(compute(urgent), {.priority = 20, .harts = 1ul << i}));
  }
  for (auto& job : computing) co_await std::move(job);
  urgent.over = true;
  for (auto& job : urgent_ones) co_await std::move(job);
}

// A coroutine on one loop wakes an urgent one of another loop, which computes.
Task<> answer(async::Semaphore& asked, std::atomic<int>& answers) {
  while (answers < 100) {
    (void)co_await asked.acquire("a question");
    ++answers;
  }
}

Task<> ask(async::Semaphore& asked, std::atomic<int>& answers) {
  for (int i = 0; i < 100; ++i) {
    asked.release();
    const auto end = now() + 20s;
    while (answers <= i && now() < end) continue;
    check(answers > i, "a wake from another loop preempts a step: {} of {}", answers.load(), i);
  }
  co_return;
}

Task<> interrupt() {
  async::Semaphore asked{0};
  std::atomic<int> answers = 0;
  std::atomic<bool> over = false;
  auto answering = async::spawn(answer(asked, answers), {.priority = 0, .harts = 1});
  co_await async::sleep_for(1ms);
  auto computing = async::spawn(
      [](std::atomic<bool>& over) -> Task<> {
        preemptible([&] {
          while (!over) continue;
        });
        co_return;
      }(over),
      {.priority = 20, .harts = 1});
  auto asking = async::spawn(ask(asked, answers), {.priority = 20, .harts = 2});
  co_await std::move(asking);
  over = true;
  co_await std::move(computing);
  co_await std::move(answering);
}

// A step that computes in preemptible() gives its loop's ready jobs to another loop.
Task<> give_away() {
  for (int i = 0; i < 50; ++i) {
    std::atomic<bool> ran = false;
    auto other = async::spawn([](std::atomic<bool>& ran) -> Task<> {
      ran = true;
      co_return;
    }(ran));
    preemptible([&] {
      const auto end = now() + 20s;
      while (!ran && now() < end) continue;
    });
    check(ran, "an idle loop takes a job of a loop that computes");
    co_await std::move(other);
  }
}

// ── Exceptions and stacks of their own ──

Task<> fault(Tally& tally) {
  for (int i = 0; i < 20; ++i) {
    volatile int* const nothing = nullptr;
    const auto done = attempt([&] { *nothing = 1; });
    check(!done && done.error().signal == abi::Signal::sigsegv, "an attempt fails");
    tally.count();
    co_await async::yield();
  }
}

Task<> faults() {
  Tally tally;
  for (int i = 0; i < 20 && (i == 0 || tally.used() < loops); ++i) {
    co_await async::with_scope([&](async::Scope& scope) -> Task<> {
      for (unsigned i = 0; i < 4 * loops; ++i) scope.spawn(fault(tally));
      co_return;
    });
  }
  check(tally.used() == loops, "attempts fail on each loop");
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

// ── Idle loops, deadlocks, many runs ──

Task<> sleep_a_little() {
  for (int i = 0; i < 4; ++i) co_await async::sleep_for(5ms);
}

nanoseconds processor_time() {
  abi::Timespec time;
  must(call(Call::clock_gettime, abi::clock_process_cputime_id, &time), "the processor's time");
  return std::chrono::seconds{time.seconds} + nanoseconds{time.nanoseconds};
}

void sleeps() {
  const auto before = processor_time();
  run(sleep_a_little(), {.harts = loops});
  const auto used = processor_time() - before;
  check(used < 10ms, "idle loops sleep: they used {} of at least 20 ms", used.count());
}

Task<> receive_nothing() {
  async::Channel<int, 1> channel;
  co_await async::sleep_for(1ms);
  (void)co_await channel.receive();
}

void deadlocks() {
  const char* const arguments[] = {"team", "--deadlock", "2", nullptr};
  must(spawn(program_path(), arguments, {}), "a program");
  const auto ended = must(wait(), "waiting");
  check(ended.status.was_killed() && ended.status.signal() == abi::Signal::sigabrt,
        "SIGABRT ends a program with a deadlock of coroutines");
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

void repeats() {
  for (unsigned i = 0; i < 30; ++i) {
    const unsigned harts = 1 + i % loops;
    Tally tally;
    check(run(fib(10, tally), {.harts = harts}) == fib_of(10), "run() can be called again");
    run(leave_jobs(), {.shares_priority = i % 2 == 0, .harts = harts});
  }
}

void on_all(Task<> task) {
  run(std::move(task), {.harts = loops});
}

constexpr auto parts = std::to_array<std::pair<std::string_view, void (*)()>>({
    {"meets", [] { on_all(meets()); }},
    {"steals", steals},
    {"shares", [] { on_all(share()); }},
    {"calls", [] { on_all(pass_bytes()); }},
    {"cancels", [] { on_all(cancel()); }},
    {"preempts", [] { on_all(preempt()); }},
    {"interrupts", [] { on_all(interrupt()); }},
    {"gives", [] { on_all(give_away()); }},
    {"faults", [] { on_all(faults()); }},
    {"stackful", [] { on_all(stackful_ones()); }},
    {"sleeps", sleeps},
    {"deadlocks", deadlocks},
    {"--deadlock", [] { on_all(receive_nothing()); }},
    {"repeats", repeats},
});

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    const std::string_view number = argv[2];
    std::from_chars(number.data(), number.data() + number.size(), loops);
    for (const auto& [name, test] : parts) {
      if (argv[1] == name && loops != 0) return test(), 0;
    }
  }
  fail("usage: team PART HARTS");
}
