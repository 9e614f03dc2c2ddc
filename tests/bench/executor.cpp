// Measures the executor on the host. It prints the nanoseconds of each operation by the clock: the
// median of interleaved rounds. It also prints the chunks of memory that the executor takes from
// the platform in these rounds, and the bytes per suspended task.
//
// `--run NAME COUNT` does only one measurement with COUNT operations. The script
// instructions.py runs it under callgrind with two values of COUNT: the difference is the number of
// instructions.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "async/async.h"
#include "async/policy/kinds.h"

namespace {

using namespace std::chrono_literals;
using async::Task;

// ── measurements: each does `count` operations ───────────────────────────────────────────────────

Task<> yield_often(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) co_await async::yield();
}

void schedule(async::Executor& executor, std::size_t tasks, std::size_t count) {
  for (std::size_t i = 0; i < tasks; ++i) async::spawn(yield_often(count / tasks)).detach();
  executor.run_until_idle();
}
void schedule_1(async::Executor& executor, std::size_t count) {
  schedule(executor, 1, count);
}
void schedule_10000(async::Executor& executor, std::size_t count) {
  schedule(executor, 10'000, count);
}

Task<std::size_t> child(std::size_t value) {
  co_return value + 1;
}

void run(async::Executor& executor, Task<> task) {
  async::spawn(std::move(task)).detach();
  executor.run_until_idle();
}

void spawn_join(async::Executor& executor, std::size_t count) {
  auto body = [](std::size_t count) -> Task<> {
    std::size_t sum = 0;
    while (sum < count) sum = co_await async::spawn(child(sum), {.name = "child", .priority = 16});
  };
  run(executor, body(count));
}

// Storage for a handle without std::optional's flag, whose cost depends on the standard library
// (libstdc++ 14 writes it once more in emplace() than libstdc++ 12).
union HandleSlot {
  using Handle = async::JoinHandle<std::size_t>;
  HandleSlot() {}
  ~HandleSlot() {}
  Handle handle;
};

// Spawns 64 children, then joins them one by one. While the first join waits, all children run to
// their ends, so the other joins do not wait.
void spawn_join_64(async::Executor& executor, std::size_t count) {
  auto body = [](std::size_t count) -> Task<> {
    std::array<HandleSlot, 64> slots;
    for (std::size_t i = 0; i < count; i += slots.size()) {
      for (HandleSlot& slot : slots) {
        new (&slot.handle)
            HandleSlot::Handle(async::spawn(child(i), {.name = "child", .priority = 16}));
      }
      for (HandleSlot& slot : slots) {
        co_await std::move(slot.handle);
        std::destroy_at(&slot.handle);
      }
    }
  };
  run(executor, body(count));
}

void await_elided(async::Executor& executor, std::size_t count) {
  auto body = [](std::size_t count) -> Task<> {
    std::size_t sum = 0;
    while (sum < count) sum = co_await child(sum);
  };
  run(executor, body(count));
}

// Not inlined, as if it were in another file: so the compiler cannot make the child's frame a part
// of the caller's.
[[gnu::noinline]] Task<std::size_t> distant_child(std::size_t value) {
  co_return value + 1;
}

void await_pooled(async::Executor& executor, std::size_t count) {
  auto body = [](std::size_t count) -> Task<> {
    std::size_t sum = 0;
    while (sum < count) {
      sum = co_await distant_child(sum);
    }
  };
  run(executor, body(count));
}

// A round trip is two waits, two wakes and two switches.
void pingpong_event(async::Executor& executor, std::size_t count) {
  async::AutoEvent ping;
  async::AutoEvent pong;
  auto player = [](async::AutoEvent& mine, async::AutoEvent& other, std::size_t count) -> Task<> {
    for (std::size_t i = 0; i < count; ++i) {
      co_await mine.wait();
      other.set();
    }
  };
  async::spawn(player(ping, pong, count)).detach();
  async::spawn(player(pong, ping, count)).detach();
  ping.set();
  executor.run_until_idle();
}

void pingpong_channel(async::Executor& executor, std::size_t count) {
  async::Channel<int, 1> ping;
  async::Channel<int, 1> pong;
  auto server = [](auto& in, auto& out) -> Task<> {
    while (auto value = co_await in.receive()) co_await out.send(*value);
  };
  auto client = [](auto& in, auto& out, std::size_t count) -> Task<> {
    for (std::size_t i = 0; i < count; ++i) {
      co_await out.send(1);
      co_await in.receive();
    }
    out.close();
  };
  async::spawn(server(ping, pong)).detach();
  async::spawn(client(pong, ping, count)).detach();
  executor.run_until_idle();
}

void mutex_uncontended(async::Executor& executor, std::size_t count) {
  auto body = [](std::size_t count) -> Task<> {
    async::Mutex mutex;
    for (std::size_t i = 0; i < count; ++i) auto guard = co_await mutex.lock();
  };
  run(executor, body(count));
}

constexpr std::size_t other_mutexes = 1'000;

// Two jobs hand a mutex to each other, while 1,000 other mutexes have a holder and a waiter each.
void mutex_contended(async::Executor& executor, std::size_t count) {
  static async::Mutex mutexes[other_mutexes];
  async::Event end;
  auto holds = [](async::Mutex& mutex, async::Event& end) -> Task<> {
    const auto guard = co_await mutex.lock();
    co_await end.wait();
  };
  for (async::Mutex& mutex : mutexes) {
    for (int each = 0; each < 2; ++each) async::spawn(holds(mutex, end)).detach();
  }
  executor.run_until_idle();
  auto player = [](async::Mutex& mutex, std::size_t count) -> Task<> {
    for (std::size_t i = 0; i < count; ++i) {
      const auto guard = co_await mutex.lock();
      co_await async::yield();
    }
  };
  async::Mutex mutex;
  for (int each = 0; each < 2; ++each) async::spawn(player(mutex, count / 2)).detach();
  executor.run_until_idle();
  end.set();
  executor.run_until_idle();
}

// Two jobs hand a mutex to each other, and one of them holds 1,000 other mutexes, each with a
// waiter.
void mutex_of_many(async::Executor& executor, std::size_t count) {
  static async::Mutex mutexes[other_mutexes];
  auto player = [](async::Mutex& mutex, std::size_t count) -> Task<> {
    for (std::size_t i = 0; i < count; ++i) {
      const auto guard = co_await mutex.lock();
      co_await async::yield();
    }
  };
  auto waits = [](async::Mutex& mutex) -> Task<> { const auto guard = co_await mutex.lock(); };
  async::Event all_wait;
  auto holds_all = [&](async::Mutex& mutex, std::size_t count) -> Task<> {
    async::Mutex::Guard guards[other_mutexes];
    for (std::size_t i = 0; i < other_mutexes; ++i) guards[i] = co_await mutexes[i].lock();
    co_await all_wait.wait();
    co_await player(mutex, count);
  };
  async::Mutex mutex;
  async::spawn(holds_all(mutex, count / 2)).detach();
  executor.run_until_idle();
  for (async::Mutex& other : mutexes) async::spawn(waits(other)).detach();
  executor.run_until_idle();
  all_wait.set();
  async::spawn(player(mutex, count / 2)).detach();
  executor.run_until_idle();
}

// Under edf, 1,000 jobs hand one mutex over; each wait has a new deadline.
void mutex_by_deadline(async::Executor& executor, std::size_t count) {
  constexpr std::size_t jobs = 1'000;
  static async::policy::Memory memory;
  executor.set_policy(async::policy::find("edf")->make(memory.bytes, {}));
  auto player = [](async::Mutex& mutex, std::size_t seed, std::size_t count) -> Task<> {
    for (std::size_t i = 0; i < count; ++i) {
      seed = seed * 1'103'515'245 + 12'345;
      const async::Instant deadline{async::Duration(1 + seed % 1'000'000)};
      async::Executor::set_attributes(async::current_job(), {.deadline = deadline});
      const auto guard = co_await mutex.lock();
      co_await async::yield();
    }
  };
  async::Mutex mutex;
  async::Event all_wait;
  auto holder = [](async::Mutex& mutex, async::Event& all_wait) -> Task<> {
    const auto guard = co_await mutex.lock();
    co_await all_wait.wait();
  };
  async::spawn(holder(mutex, all_wait)).detach();
  executor.run_until_idle();
  for (std::size_t i = 0; i < jobs; ++i) {
    async::spawn(player(mutex, i, count / jobs)).detach();
  }
  executor.run_until_idle();
  all_wait.set();
  executor.run_until_idle();
  executor.set_policy(nullptr);
}

void preempt_check(async::Executor& executor, std::size_t count) {
  auto body = [](std::size_t count) -> Task<> {
    for (std::size_t i = 0; i < count; ++i) co_await async::yield_if_preempted();
  };
  run(executor, body(count));
}

void sleep_10000(async::Executor& executor, std::size_t count) {
  auto body = [](std::size_t count) -> Task<> {
    for (std::size_t i = 0; i < count; ++i) co_await async::sleep_for(1ms);
  };
  for (int i = 0; i < 10'000; ++i) async::spawn(body(count / 10'000)).detach();
  auto& world = async::platform::world;
  for (;;) {
    executor.run_until_idle();
    if (world.alarm == UINT64_MAX) break;
    const std::uint64_t alarm = std::exchange(world.alarm, UINT64_MAX);
    if (const std::uint64_t now = async::platform::now_ns(); now < alarm) {
      world.skipped += alarm - now;
    }
    executor.alarm_fired();
  }
}

struct Measurement {
  const char* name;
  const char* what;
  void (*run)(async::Executor& executor, std::size_t count);
  std::size_t count;  // operations in a round, which takes about ten milliseconds
  double goal_ns;     // 0: none
};

constexpr Measurement measurements[] = {
    {"schedule", "schedule, 1 ready", schedule_1, 2'000'000, 3},
    {"schedule-10000", "schedule, 10,000 ready", schedule_10000, 2'000'000, 3},
    {"spawn-join", "spawn + join", spawn_join, 500'000, 0},
    {"spawn-join-64", "spawn + join, 64 at once", spawn_join_64, 500'000, 0},
    {"await-elided", "await a child, elided", await_elided, 2'000'000, 0},
    {"await-pooled", "await a child, pooled", await_pooled, 2'000'000, 0},
    {"event", "ping-pong over events", pingpong_event, 500'000, 0},
    {"channel", "ping-pong over channels", pingpong_channel, 500'000, 0},
    {"mutex", "lock + unlock, uncontended", mutex_uncontended, 2'000'000, 0},
    {"mutex-1000", "mutex handover, 1,000 awaited", mutex_contended, 200'000, 0},
    {"mutex-held-1000", "mutex handover, holder of 1,000", mutex_of_many, 200'000, 0},
    {"mutex-edf", "mutex handover, edf, 1,000 wait", mutex_by_deadline, 20'000, 0},
    {"preempt", "yield_if_preempted, none ready", preempt_check, 5'000'000, 0},
    {"sleep", "1 ms sleep among 10,000", sleep_10000, 200'000, 60},
};

// ── measuring ────────────────────────────────────────────────────────────────────────────────────

double nanoseconds_each(async::Executor& executor, const Measurement& measurement) {
  const auto start = std::chrono::steady_clock::now();
  measurement.run(executor, measurement.count);
  const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
  return time.count() / static_cast<double>(measurement.count);
}

std::size_t bytes_a_suspended_task(async::Executor& executor) {
  constexpr std::size_t count = 10'000;
  async::Event event;
  auto body = [](async::Event& event) -> Task<> { co_await event.wait(); };
  auto& frames = async::platform::local().frames;
  const std::size_t before = frames.bytes_in_use();
  for (std::size_t i = 0; i < count; ++i) async::spawn(body(event)).detach();
  executor.run_until_idle();
  const std::size_t frame = (frames.bytes_in_use() - before) / count;
  event.set();
  executor.run_until_idle();
  return frame + sizeof(async::Job);
}

int measure_all(async::Executor& executor) {
  async::platform::calibrate();
  constexpr int rounds = 15;
  constexpr std::size_t count = std::size(measurements);
  std::vector<double> times[count];
  for (const Measurement& measurement : measurements) nanoseconds_each(executor, measurement);
  const std::size_t chunks = async::platform::world.chunks;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < count; ++i) {
      times[i].push_back(nanoseconds_each(executor, measurements[i]));
    }
  }
  fmt::print("{:<28}{:>10}{:>10}\n", "", "ns", "goal");
  for (std::size_t i = 0; i < count; ++i) {
    std::ranges::sort(times[i]);
    const double goal = measurements[i].goal_ns;
    fmt::print("{:<28}{:>10.1f}{:>10}\n", measurements[i].what, times[i][rounds / 2],
               goal == 0 ? "" : fmt::format("<= {:.0f}", goal));
  }
  fmt::print("{:<28}{:>10}{:>10}\n", "memory taken while measuring",
             async::platform::world.chunks - chunks, "0");
  fmt::print("{:<28}{:>10}{:>10}\n", "bytes per suspended task", bytes_a_suspended_task(executor),
             "<= 96");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  async::Executor executor;
  if (argc == 1) return measure_all(executor);
  if (argc == 4 && std::strcmp(argv[1], "--run") == 0) {
    for (const Measurement& measurement : measurements) {
      if (argv[2] == std::string_view(measurement.name)) {
        measurement.run(executor, std::strtoul(argv[3], nullptr, 10));
        return 0;
      }
    }
  }
  fmt::print(stderr, "usage: {} [--run NAME COUNT]; NAME is one of", argv[0]);
  for (const Measurement& measurement : measurements) fmt::print(stderr, " {}", measurement.name);
  fmt::print(stderr, "\n");
  return 2;
}
