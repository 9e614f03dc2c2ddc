// How soon: from power-on to the first program, and from a deadline to the sleeper.
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

// Before main, as early as C++ allows.
struct Start {
  std::uint64_t clock = clock_ns();
  user::nanoseconds time = user::now();
};
[[gnu::init_priority(101)]] const Start start;

// Both are about the first program alone.
Outcome power_on_to_first_program() {
  if (user::process_id() != 1) return {};
  return Samples::of({start.clock});
}

// The kernel's time begins with its first instruction.
Outcome entry_to_first_program() {
  if (user::process_id() != 1) return {};
  return Samples::of({static_cast<std::uint64_t>(start.time.count())});
}

constexpr auto period = std::chrono::milliseconds{1};

constexpr int highest = 99;

// While it lives, the thread has a real-time priority, if it may.
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

// How late the thread wakes, period after period.
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

// Several threads, each with periods of its own, which begin at different times.
Outcome sleep_together() {
  constexpr int threads = 4;
  const Urgent urgent;  // and those that it starts
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
  if (!load.goes_on()) return {};
  return late;
}

Outcome sleep_beside_load() {
  return sleep_beside({});
}

// Nothing without a disk, or where it did not answer meanwhile.
Outcome sleep_beside_disk() {
  const auto disk = user::open("/dev/vda");
  if (!disk) return {};
  auto late = sleep_beside(*disk);
  static_cast<void>(user::close(*disk));
  return late;
}

// From a wake to the woken thread's run beside load, on the waker's hart, wake after wake. Priority
// 0: an ordinary thread, which has the load for company; else it is the waker's better.
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
