// stackful PART: runs one test of stackful jobs (user/stackful.h).
#include <async/policy/kinds.h>
#include <user/async.h>
#include <user/check.h>
#include <user/files.h>
#include <user/process.h>
#include <user/stackful.h>
#include <user/sync.h>
#include <user/thread.h>

#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace user;
using async::Task;
using async::WaitResult;

namespace {

template <class F>
auto start(F f, const async::SpawnOptions& options = {},
           std::size_t stack_bytes = default_stack_bytes) {
  return must(spawn_stackful(std::move(f), options, stack_bytes), "a stackful job");
}

// A stackful function waits for all that a coroutine can await, and gets the same results.

Task<int> double_later(int value) {
  co_await async::sleep_for(10us);
  co_return 2 * value;
}

Task<int> double_at_once(int value) {
  co_return 2 * value;
}

int receive_deep(async::Channel<int, 1>& channel, int depth) {
  if (depth > 0) return receive_deep(channel, depth - 1) + 1;
  return must(wait_for(channel.receive()).transform_error([](auto) { return Errno::eio; }),
              "a value");
}

Task<> waits_of_every_kind() {
  async::Channel<int, 1> channel;
  async::Mutex mutex;
  int held = 0;
  auto receiver = start([&] { return receive_deep(channel, 20); }, {.name = "receiver"});
  auto sender = start([&] {
    check(wait_for(channel.send(7)) == WaitResult::woken, "a value is sent");
    return std::make_unique<int>(8);
  });
  const auto hold = [&] {
    for (int i = 0; i < 10; ++i) {
      const auto guard = wait_for(mutex.lock("held"));
      check(++held == 1, "one job holds a mutex");
      wait_for(async::sleep_for(10us));
      wait_for(async::yield());
      --held;
    }
  };
  auto first = start(hold), second = start(hold);
  check(co_await std::move(receiver) == 27, "a value arrives in the function that waits for it");
  check(*co_await std::move(sender) == 8, "a result may have a destructor");
  co_await std::move(first);
  co_await std::move(second);

  auto calls = start([] {
    const auto pipe = must(make_pipe(), "a pipe");
    std::array<std::byte, 3> bytes{std::byte{1}, std::byte{2}, std::byte{3}};
    check(wait_for(sys::write(pipe.write_end, bytes)) == 3, "a write by the ring");
    bytes = {};
    check(wait_for(sys::read(pipe.read_end, bytes)) == 3 && bytes[2] == std::byte{3}, "a read");
    int sum = 0;
    // Tasks that end at once, and tasks that wait. Neither uses more of a stack each time.
    for (int i = 0; i < 20'000; ++i) sum += wait_for(double_at_once(1));
    for (int i = 0; i < 10; ++i) sum += wait_for(double_later(1));
    auto inner = start([] { return wait_for(double_later(4)); });
    const int child = wait_for(must(stackful([] { return wait_for(double_later(2)); }), "a task"));
    return sum + wait_for(std::move(inner)) + child;
  });
  check(co_await std::move(calls) == 40'032, "tasks and jobs are awaited");

  int sum = 0;
  for (int i = 0; i < 20'000; ++i) sum += co_await must(stackful([] { return 1; }), "a task");
  check(sum == 20'000, "a coroutine awaits stackful tasks");
  auto task = must(stackful([] {
                     wait_for(async::sleep_for(10us));
                     return 5;
                   }),
                   "a task");
  check(co_await std::move(task) == 5, "… also one that waits");
}

// Every register keeps its value during a wait: the results are those of a run without waits.
[[gnu::noinline]] double compute(int seed, bool waits) {
  double a = seed, b = seed + 1, c = seed + 2, d = seed + 3, e = seed + 4, f = seed + 5;
  std::uint64_t i = 1, j = 2, k = 3, l = 4;
  for (int round = 0; round < 100; ++round) {
    if (waits) wait_for(async::yield());
    a += b * 0.5, b += c * 0.25, c -= d * 0.125, d += e, e -= f * 0.5, f += 1;
    i = i * 3 + j, j = j * 5 + k, k = k * 7 + l, ++l;
  }
  return a + b + c + d + e + f + static_cast<double>(i ^ j ^ k ^ l);
}

Task<> registers() {
  std::vector<async::JoinHandle<double>> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(start([i] { return compute(i, true); }));
  for (int i = 0; i < 10; ++i) {
    const double result = co_await std::move(jobs[static_cast<std::size_t>(i)]);
    check(result == compute(i, false), "a wait keeps all registers");
  }
}

// The executor runs stackful and stackless jobs in the same order, whatever the policy.

enum class Mix : std::uint8_t { stackless, stackful, alternating };

void note(std::string& order, int id) {
  order += static_cast<char>('a' + id);
}

Task<> steps(std::string& order, int id, async::WaitList& list) {
  for (int i = 0; i < 3; ++i) {
    note(order, id);
    co_await async::yield();
  }
  static_cast<void>(co_await list.wait("the others"));
  note(order, id);
}

void stackful_steps(std::string& order, int id, async::WaitList& list) {
  for (int i = 0; i < 3; ++i) {
    note(order, id);
    wait_for(async::yield());
  }
  static_cast<void>(wait_for(list.wait("the others")));
  note(order, id);
}

std::string order_of(Mix mix, const char* policy) {
  std::string order;
  async::WaitList list;
  async::Executor executor;
  async::policy::Memory memory;
  if (policy != nullptr) executor.set_policy(async::policy::find(policy)->make(memory.bytes, {}));
  for (int id = 0; id < 8; ++id) {
    const async::SpawnOptions options{.priority = static_cast<std::uint8_t>(3 - id % 4)};
    if (mix == Mix::stackful || (mix == Mix::alternating && id % 2 == 1)) {
      start([&, id] { stackful_steps(order, id, list); }, options).detach();
    } else {
      async::spawn(steps(order, id, list), options).detach();
    }
  }
  async::Executor::run_until_idle();
  list.wake_all();
  async::Executor::run_until_idle();
  executor.set_policy(nullptr);
  return order;
}

void orders() {
  for (const char* policy : {static_cast<const char*>(nullptr), "fifo", "round-robin", "aging"}) {
    const std::string expected = order_of(Mix::stackless, policy);
    check(expected.size() == 32, "each job runs to its end: {}", expected);
    for (const Mix mix : {Mix::stackful, Mix::alternating}) {
      const std::string order = order_of(mix, policy);
      check(order == expected, "{}: {}, not {}", policy == nullptr ? "priorities" : policy, order,
            expected);
    }
  }
}

// A thousand jobs, each with a stack. Later jobs use the same stacks.

constexpr int crowd = 1'000;

Task<> run_crowd(long& sum) {
  async::Channel<int, 4> channel;
  std::vector<async::JoinHandle<void>> jobs;
  for (int i = 0; i < crowd; ++i) {
    jobs.push_back(start(
        [&channel, i] {
          wait_for(async::sleep_for(std::chrono::microseconds{i % 100}));
          check(wait_for(channel.send(i)) == WaitResult::woken, "each sends");
        },
        {}, 8 * 1024));
  }
  for (int i = 0; i < crowd; ++i) sum += *co_await channel.receive();
  for (auto& job : jobs) co_await std::move(job);
}

Task<> thousand() {
  long sum = 0;
  co_await run_crowd(sum);
  const std::uint64_t free_before = free_memory();
  for (int i = 0; i < 3; ++i) co_await run_crowd(sum);
  check(sum == 4L * crowd * (crowd - 1) / 2, "each value arrives");
  const std::uint64_t taken = free_before - std::min(free_before, free_memory());
  check(taken < 64 * 1024, "later jobs use the stacks again: {} bytes", taken);
}

// Counts its live objects.
struct Counted {
  static inline int live = 0;
  Counted() { ++live; }
  Counted(const Counted&) { ++live; }
  ~Counted() { --live; }
};

// Cancellation, deadlines, and jobs that no job joins.

Task<> cancels() {
  async::Channel<int, 1> channel;
  int ended = 0;
  auto waits = [&] {
    const auto first = wait_for(channel.receive());
    check(!first && first.error() == WaitResult::cancelled, "a cancelled wait says so");
    check(async::is_cancelled(), "the job is cancelled");
    check(wait_for(async::sleep_for(1h)) == WaitResult::cancelled, "… and so is each later wait");
    ++ended;
  };
  auto early = start(waits);
  early.cancel();
  co_await std::move(early);
  auto late = start(waits);
  co_await async::yield();
  late.cancel();
  co_await std::move(late);
  check(ended == 2, "a cancelled function returns by itself");

  auto call = start([] {
    const auto pipe = must(make_pipe(), "a pipe");
    std::array<std::byte, 1> byte;
    const auto read = wait_for(sys::read(pipe.read_end, byte));
    check(!read && read.error() == Errno::ecanceled, "a cancelled call is ECANCELED");
  });
  co_await async::sleep_for(100us);
  call.cancel();
  co_await std::move(call);

  const auto timed = co_await async::with_deadline(
      async::now() + 100us, must(stackful([&] {
                                   const auto value = wait_for(channel.receive());
                                   return value ? WaitResult::woken : value.error();
                                 }),
                                 "a task"));
  check(!timed, "a deadline ends the waits of a stackful task");

  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (int i = 0; i < 10; ++i) {
      scope.spawn(must(stackful([&] {
                         static_cast<void>(wait_for(channel.receive()));
                         ++ended;
                       }),
                       "a task"));
    }
    co_await async::yield();
    scope.cancel();
  });
  check(ended == 12, "a cancelled scope ends its stackful jobs");

  {
    const auto never_run = must(stackful([captured = Counted{}] { wait_for(async::yield()); }), "");
    check(Counted::live == 1, "a task owns what its function captures");
  }
  check(Counted::live == 0, "a task that never ran is destroyed");
  start([&ended, captured = Counted{}] {
    wait_for(async::yield());
    ++ended;
  }).detach();
  for (int i = 0; i < 3; ++i) co_await async::yield();
  check(ended == 13 && Counted::live == 0, "a detached job runs on, and frees itself");
}

// Without memory for its stack a job is not spawned.

Task<> scarce() {
  const auto too_large = spawn_stackful([] {}, {}, std::size_t{1} << 40);
  check(!too_large && too_large.error() == Errno::enomem, "a stack that is too large is ENOMEM");

  std::array<std::uint64_t, 2> limit{};
  must(call(Call::prlimit64, 0, abi::rlimit_as, nullptr, limit.data()), "the limit");
  const std::array<std::uint64_t, 2> low{64 << 20, limit[1]};
  must(call(Call::prlimit64, 0, abi::rlimit_as, low.data(), nullptr), "a lower limit");
  std::vector<async::JoinHandle<void>> jobs;
  bool over = false;
  for (;;) {
    auto job = spawn_stackful(
        [&] {
          while (!over) wait_for(async::sleep_for(10us));
        },
        {}, 1 << 20);
    if (!job) {
      check(job.error() == Errno::enomem, "a stack beyond the limit is ENOMEM");
      break;
    }
    jobs.push_back(std::move(*job));
    co_await async::yield();
  }
  must(call(Call::prlimit64, 0, abi::rlimit_as, limit.data(), nullptr), "the old limit");
  check(jobs.size() > 10 && jobs.size() < 64, "{} jobs fit below the limit", jobs.size());
  over = true;
  for (auto& job : jobs) co_await std::move(job);
}

// Stacks take all memory of the machine. The program continues.
Task<> full() {
  std::vector<async::JoinHandle<void>> jobs;
  jobs.reserve(1 << 16);
  bool over = false;
  for (;;) {
    auto job = spawn_stackful(
        [&] {
          while (!over) wait_for(async::yield());
        },
        {}, 8 * 1024);
    if (!job) {
      check(job.error() == Errno::enomem, "no memory is ENOMEM");
      break;
    }
    jobs.push_back(std::move(*job));
  }
  over = true;
  for (auto& job : jobs) co_await std::move(job);
  println("{} jobs", jobs.size());
}

// Preemption, attempts and exceptions in stackful functions.

Task<> upcalls() {
  std::atomic<int> woken = 0;
  bool over = false;
  const auto be_urgent = [&] {
    while (!over) {
      static_cast<void>(wait_for(notified()));
      ++woken;
    }
  };
  const auto notify_me = [] { must(notify(thread_id(), 1), "notify"); };
  auto urgent = start(be_urgent, {.priority = 0});
  const auto compute_long = [&] {
    double x = 1;
    for (int i = 0; i < 50; ++i) {
      const int before = woken;
      preemptible([&] {
        notify_me();
        check(woken == before + 1,
              "a stackful job preempts a stackful one in the middle of a step");
      });
      notify_me();
      check(woken == before + 1, "outside preemptible() it does not");
      wait_for(async::yield());
      check(woken == before + 2, "… until the step ends");
      const auto failed = attempt([] { *reinterpret_cast<volatile int*>(16) = 1; });
      check(!failed && failed.error().signal == abi::Signal::sigsegv, "an attempt fails");
      wait_for(async::yield());
      x = std::sqrt(x * x + 1);
    }
    return x;
  };
  auto first = start(compute_long, {.priority = 20});
  check(std::abs(co_await std::move(first) - std::sqrt(51.0)) < 1e-9, "it computes on");
  auto coroutine = [](auto compute_long) -> Task<> {
    co_await must(stackful(compute_long), "a task");
  };
  co_await coroutine(compute_long);
  over = true;
  notify_me();
  co_await std::move(urgent);
}

// run() ends while stackful functions wait and while one is preempted.
Task<> leave_jobs() {
  auto waits = start([] {
    async::WaitList list;
    static_cast<void>(wait_for(list.wait("nothing")));
  });
  auto preempted = start(
      [] {
        preemptible([] {
          must(notify(thread_id(), 1), "notify");
          for (std::atomic<int> spins = 0;; ++spins) {
          }
        });
      },
      {.priority = 20});
  static_cast<void>(co_await notified());
  std::move(waits).detach();
  std::move(preempted).detach();
}

// Programs that end: a stack overflows, or a function waits where it must not.

[[gnu::noinline]] int overflow(int depth) {
  std::array<volatile char, 256> block;
  block[static_cast<std::size_t>(depth) % block.size()] = 1;
  return depth < 0 ? 0 : overflow(depth + 1) + block[0];
}

Task<> deep() {
  co_await start([] { return overflow(0); }, {.name = "deep"});
}

Task<> stops_overflow() {
  auto job = start([] {
    const auto answer = attempt([] { return overflow(0); });
    check(!answer, "an attempt ends a stack overflow");
    wait_for(async::yield());
    return 3;
  });
  check(co_await std::move(job) == 3, "the job runs on after it");
}

Task<> wait_in_coroutine() {
  wait_for(async::yield());
  co_return;
}

Task<> wait_in(void (*f)()) {
  co_await start(f);
}

void wait_in_lock() {
  static user::Mutex mutex;
  const Lock lock{mutex};
  wait_for(async::yield());
}

// A wait at each depth, so that the stack is full in a wait.
[[gnu::noinline]] int wait_deeply(int depth) {
  std::array<volatile char, 32> block;
  block[static_cast<std::size_t>(depth) % block.size()] = 1;
  wait_for(async::yield());
  return depth < 0 ? 0 : wait_deeply(depth + 1) + block[0];
}

// An exception ends the program at once: the coroutine that waits for the lock does not run.
Task<> crash_in_lock() {
  static user::Mutex mutex;
  co_await start([] {});
  auto other = async::spawn([]() -> Task<> {
    const Lock lock{mutex};
    check(false, "no coroutine runs after the exception");
    co_return;
  }());
  const Lock lock{mutex};
  *reinterpret_cast<volatile int*>(8) = 1;
  co_await std::move(other);
}

struct Dying {
  const char* part;
  void (*run)();
  abi::Signal signal;
  std::string_view report;
};
constexpr Dying dying[] = {
    {"--deep", [] { run(deep()); }, abi::Signal::sigsegv,
     "the stack of job 'deep' overflowed: it has 65536 bytes\n"},
    {"--deep-wait",
     [] {
       run([]() -> Task<> { co_await start([] { return wait_deeply(0); }, {.name = "deep"}); }());
     },
     abi::Signal::sigsegv, "the stack of job 'deep' overflowed: it has 65536 bytes\n"},
    {"--crash-in-lock", [] { run(crash_in_lock()); }, abi::Signal::sigsegv, ""},
    {"--coroutine", [] { run(wait_in_coroutine()); }, abi::Signal::sigabrt,
     "only the function of a stackful job may call wait_for()\n"},
    {"--child", [] { run(wait_in([] { wait_for(wait_in_coroutine()); })); }, abi::Signal::sigabrt,
     "only the function of a stackful job may call wait_for()\n"},
    {"--preemptible", [] { run(wait_in([] { preemptible([] { wait_for(async::yield()); }); })); },
     abi::Signal::sigabrt,
     "a stackful job waits in preemptible() or Unpreempted, or while it holds a lock\n"},
    {"--lock", [] { run(wait_in(wait_in_lock)); }, abi::Signal::sigabrt,
     "a stackful job waits in preemptible() or Unpreempted, or while it holds a lock\n"},
    {"--attempt",
     [] { run(wait_in([] { static_cast<void>(attempt([] { wait_for(async::yield()); })); })); },
     abi::Signal::sigabrt, "a stackful job waits in attempt(), or while it has a Guarded object\n"},
    {"--guarded",
     [] {
       run(wait_in([] {
         const Guarded<int> guarded{1};
         wait_for(async::yield());
       }));
     },
     abi::Signal::sigabrt, "a stackful job waits in attempt(), or while it has a Guarded object\n"},
    {"--run", [] { run(wait_in([] { run(double_later(1)); })); }, abi::Signal::sigabrt,
     "a job of run() calls run()\n"},
};

void dies() {
  for (const Dying& each : dying) {
    const Pipe report = must(make_pipe(), "a pipe");
    const FdMapping output[] = {{report.write_end, 2}};
    const Fd closed[] = {report.read_end};
    const char* const arguments[] = {"stackful", each.part, nullptr};
    must(spawn(program_path(), arguments, {.fds = output, .close = closed}), "a program");
    must(close(report.write_end), "closing");
    std::array<char, 200> text;
    std::size_t length = 0;
    while (const std::size_t more =
               must(read(report.read_end, std::as_writable_bytes(std::span{text}.subspan(length))),
                    "the report")) {
      length += more;
    }
    must(close(report.read_end), "closing");
    const auto ended = must(wait(), "waiting");
    check(ended.status.was_killed() && ended.status.signal() == each.signal,
          "the signal ends {}, not {:#x}", each.part, ended.status.word());
    check(std::string_view(text.data(), length) == each.report, "{} prints: {}", each.part,
          std::string_view(text.data(), length));
  }
  run(stops_overflow());
}

constexpr auto parts = std::to_array<std::pair<std::string_view, void (*)()>>({
    {"waits", [] { run(waits_of_every_kind()); }},
    {"registers", [] { run(registers()); }},
    {"orders", orders},
    {"thousand", [] { run(thousand()); }},
    {"cancels", [] { run(cancels()); }},
    {"scarce", [] { run(scarce()); }},
    {"full", [] { run(full()); }},
    {"upcalls", [] { run(upcalls()); }},
    {"left-over",
     [] {
       for (int i = 0; i < 20; ++i) run(leave_jobs());
     }},
    {"dies", dies},
});

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) fail("usage: stackful PART");
  for (const auto& [name, run] : parts) {
    if (argv[1] == name) return run(), 0;
  }
  for (const Dying& each : dying) {
    if (argv[1] == std::string_view{each.part}) return each.run(), 0;
  }
  fail("unknown part");
}
