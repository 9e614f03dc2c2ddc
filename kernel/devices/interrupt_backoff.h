// What keeps an interrupt that comes again and again, with nothing for its driver to do, from
// taking the hart away from everybody: after a few of those in a row the driver leaves its line
// silent for a while, longer each time, until one is of use again.
//
//   if (const auto pause = backoff.after(useful)) co_await async::sleep_for(*pause, "storm");
//   // … look at the device once more, and only then complete the interrupt
#pragma once

#include <async/time.h>
#include <hal/counter.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace kernel {

class InterruptBackoff {
 public:
  static constexpr unsigned tolerated = 8;  ///< useless ones in a row that cost nobody a pause
  static constexpr async::Duration shortest{100'000};
  static constexpr async::Duration longest{10'000'000};

  /// After an interrupt that was served: how long the line stays silent, if it has to.
  std::optional<async::Duration> after(bool useful) {
    if (useful) {
      useless_in_a_row_ = 0;
      pause_ = shortest;
      return {};
    }
    ++useless_;
    if (++useless_in_a_row_ <= tolerated) return {};
    ++pauses_;
    const async::Duration pause = pause_;
    pause_ = std::min(2 * pause_, longest);
    return pause;
  }

  // Any context.

  std::uint64_t useless() const { return useless_.value(); }
  std::uint64_t pauses() const { return pauses_.value(); }

 private:
  unsigned useless_in_a_row_ = 0;
  async::Duration pause_ = shortest;
  hal::Counter useless_;
  hal::Counter pauses_;
};

}  // namespace kernel
