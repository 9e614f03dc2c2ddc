// How soon: from the kernel's entry to the first program, and from a deadline to the sleeper.
#include <user/calls.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/thread.h>

#include <atomic>

#include "counter.h"
#include "report.h"

namespace measure {
namespace {

// Before main, as early as C++ allows.
[[gnu::init_priority(101)]] const user::nanoseconds program_start = user::now();

// The clock begins with the kernel's first instruction, so this is for the first program alone.
std::optional<double> entry_to_first_program() {
  if (user::process_id() != 1) return {};
  return user::milliseconds(program_start);
}

std::vector<double> lateness() {
  constexpr int sleeps = 100;
  constexpr auto period = std::chrono::milliseconds{1};
  if (!user::set_realtime_priority(0, 99)) return {};
  std::vector<double> late;
  for (auto deadline = user::now() + period; late.size() < sleeps; deadline += period) {
    user::must(user::sleep_until(deadline), "sleeping");
    late.push_back(user::microseconds(user::now() - deadline));
  }
  static_cast<void>(user::set_realtime_priority(0, 0));
  return late;
}

// Threads that always want to run, and threads that always have a read under way.
class Traffic {
 public:
  explicit Traffic(int disk) {
    for (int i = 0; i < hogs; ++i) {
      threads_.emplace_back([this] {
        while (!stop_) asm volatile("");
      });
    }
    for (int i = 0; i < readers; ++i) threads_.emplace_back([this, disk, i] { read(disk, i); });
  }
  ~Traffic() { stop_ = true; }

  bool flows() const { return !stop_; }
  long reads() const { return reads_; }

 private:
  static constexpr int hogs = 3, readers = 4;

  void read(int disk, long block) {
    alignas(4096) std::byte bytes[4096];
    while (!stop_) {
      const long offset = block++ % 16 * static_cast<long>(sizeof bytes);
      if (user::syscall(user::Call::pread64, disk, bytes, sizeof bytes, offset) != sizeof bytes) {
        stop_ = true;
      }
      ++reads_;
    }
  }

  std::atomic<bool> stop_ = false;
  std::atomic<long> reads_ = 0;
  std::vector<user::Thread> threads_;  // joined before what they use goes
};

// The worst beside traffic. Nothing without a disk, or where it did not answer meanwhile.
std::optional<double> sleep_late_beside_traffic() {
  const auto disk = user::open("/dev/vda");
  if (!disk) return {};
  std::vector<double> late;
  {
    const Traffic traffic{*disk};
    while (traffic.flows() && traffic.reads() == 0)
      static_cast<void>(user::sleep_for(std::chrono::milliseconds{1}));
    late = lateness();
    if (!traffic.flows()) late.clear();
  }
  static_cast<void>(user::close(*disk));
  if (late.empty()) return {};
  return std::ranges::max(late);
}

std::optional<double> sleep_late_median() {
  const auto late = lateness();
  if (late.empty()) return {};
  return median(late);
}

std::optional<double> sleep_late_worst() {
  const auto late = lateness();
  if (late.empty()) return {};
  return std::ranges::max(late);
}

constexpr Measurement table[] = {
    {{"entry-to-first-program", "ms", 5, 5}, entry_to_first_program},
    {{"sleep-1ms-late-median", "us", 1, 1}, sleep_late_median},
    {{"sleep-1ms-late-worst", "us", 3, 3}, sleep_late_worst},
    {{"sleep-1ms-late-beside-traffic", "us", 10, 10}, sleep_late_beside_traffic},
};

}  // namespace

std::span<const Measurement> time() {
  return table;
}

}  // namespace measure
