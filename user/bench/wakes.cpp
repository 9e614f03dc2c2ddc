// Delays: from power-on to the first program, and from a deadline to the wake of a sleeper.
#include <user/calls.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/thread.h>

#include <array>
#include <atomic>
#include <memory>

#include "benchmark.h"
#include "load.h"

namespace bench {
namespace {

// Initialised before main(), as early as C++ allows.
struct Start {
  std::uint64_t clock = clock_ns();
  user::nanoseconds time = user::now();
};
[[gnu::init_priority(101)]] const Start start;

// No samples unless this process is the first program.
Outcome power_on_to_first_program() {
  if (user::process_id() != 1) return {};
  return Samples::of({start.clock});
}

// The kernel's time starts at its first instruction.
Outcome entry_to_first_program() {
  if (user::process_id() != 1) return {};
  return Samples::of({static_cast<std::uint64_t>(start.time.count())});
}

constexpr auto period = std::chrono::milliseconds{1};

constexpr int highest = 99;

// Gives the calling thread a real-time priority while the object lives; holds() is false if that
// failed.
class Urgent {
 public:
  explicit Urgent(int priority = highest)
      : holds_{user::set_realtime_priority(0, priority).has_value()} {}
  ~Urgent() { static_cast<void>(user::set_realtime_priority(0, 0)); }
  Urgent(const Urgent&) = delete;

  bool holds() const { return holds_; }

 private:
  bool holds_;
};

// Sleeps period after period and records how late the thread wakes.
void sleep_often(Histogram& late, user::nanoseconds begin) {
  const int sleeps = is_counted() ? 100 : 1'000;
  auto deadline = begin;
  for (int left = sleeps; left > 0; --left) {
    deadline += period;
    user::must(user::sleep_until(deadline), "sleeping");
    late.record(static_cast<std::uint64_t>((user::now() - deadline).count()));
  }
}

Outcome sleep_alone() {
  const auto late = std::make_unique<Histogram>();
  const Urgent urgent;
  if (!urgent.holds()) return {};
  sleep_often(*late, user::now());
  return Samples::of(*late);
}

// Several threads sleep with equal periods that begin at different times.
Outcome sleep_together() {
  constexpr int threads = 4;
  const Urgent urgent;  // the threads inherit the priority
  if (!urgent.holds()) return {};
  std::array<std::unique_ptr<Histogram>, threads> late;
  std::atomic<int> ready = 0;
  std::atomic<std::uint32_t> gate = 0;
  user::nanoseconds begin{};
  {
    std::vector<user::Thread> sleepers;
    for (int i = 0; i < threads; ++i) {
      late[i] = std::make_unique<Histogram>();
      sleepers.emplace_back([&, i] {
        static_cast<void>(user::set_affinity(0, ~0ul));
        ++ready;
        while (gate == 0) user::futex_wait(gate, 0);
        sleep_often(*late[i], begin + i * period / threads);
      });
    }
    while (ready < threads) static_cast<void>(user::sleep_for(period));
    begin = user::now() + period;
    gate = 1;
    user::futex_wake(gate, threads);
  }
  for (int i = 1; i < threads; ++i) late[0]->add(*late[i]);
  return Samples::of(*late[0]);
}

Outcome sleep_beside(std::optional<user::Fd> disk) {
  const Load load{disk};
  load.wait();
  auto late = sleep_together();
  if (!load.is_running()) return {};
  return late;
}

Outcome sleep_beside_load() {
  return sleep_beside({});
}

// No samples without a disk, or if a read of the disk fails.
Outcome sleep_beside_disk() {
  const auto disk = user::open("/dev/vda");
  if (!disk) return {};
  auto late = sleep_beside(*disk);
  static_cast<void>(user::close(*disk));
  return late;
}

// Measures the delay from a wake to the run of the woken thread, on the waker's hart, beside load.
// Priority 0: an ordinary thread, which competes with the load. Otherwise it is more urgent than
// the waker.
template <int priority>
Outcome woken_beside_load() {
  const Load load;
  load.wait();
  const Urgent urgent{highest / 2};
  if (!urgent.holds()) return {};
  const int wakes = is_counted() ? 100 : 1'000;
  const auto late = std::make_unique<Histogram>();
  std::atomic<std::uint32_t> woken = 0, ran = 0;
  std::uint64_t begin = 0;
  user::Thread sleeper{[&] {
    static_cast<void>(user::set_realtime_priority(0, priority));
    for (int i = 0; i < wakes; ++i) {
      while (woken == ran) user::futex_wait(woken, ran);
      late->record(clock_ns() - begin);
      ++ran;
    }
  }};
  for (int i = 0; i < wakes; ++i) {
    do {
      user::must(user::sleep_for(period), "sleeping");
    } while (ran != woken);
    begin = clock_ns();
    ++woken;
    user::futex_wake(woken, 1);
  }
  sleeper.join();
  return Samples::of(*late);
}

constexpr Benchmark table[] = {
    {"wake.urgent", Unit::delay, woken_beside_load<highest>},
    {"wake.ordinary", Unit::delay, woken_beside_load<0>},
    {"boot", Unit::delay, power_on_to_first_program},
    {"boot.kernel", Unit::delay, entry_to_first_program},
    {"timer.wake.alone", Unit::delay, sleep_alone},
    {"timer.wake", Unit::delay, sleep_beside_load},
    {"timer.wake.disk", Unit::delay, sleep_beside_disk},
};

}  // namespace

std::span<const Benchmark> wakes() {
  return table;
}

}  // namespace bench
