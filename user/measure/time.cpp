// How soon: from the kernel's entry to the first program, and from a deadline to the sleeper.
#include <user/check.h>
#include <user/clock.h>

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
    {{"entry-to-first-program", "ms", 8, 5}, entry_to_first_program},
    {{"sleep-1ms-late-median", "us", no_limit, 1}, sleep_late_median},
    {{"sleep-1ms-late-worst", "us", no_limit, 3}, sleep_late_worst},
};

}  // namespace

std::span<const Measurement> time() {
  return table;
}

}  // namespace measure
