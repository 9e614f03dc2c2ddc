// Limits useless interrupts, which give the driver nothing to do, so that they do not occupy the
// hart. After some of them in a row, the driver keeps the line masked for a pause before it
// completes the interrupt. Pauses get longer until an interrupt is useful again.
//
//   if (const auto pause = backoff.after(useful)) co_await async::sleep_for(*pause, "storm");
//   // … serve the device once more, and only then complete the interrupt
#pragma once

#include <async/time.h>
#include <hal/counter.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace kernel {

class InterruptBackoff {
 public:
  static constexpr unsigned tolerated = 8;  ///< useless interrupts in a row before the first pause
  static constexpr async::Duration shortest{100'000};
  static constexpr async::Duration longest{10'000'000};

  /// Call after serving an interrupt. Returns how long to keep the line masked, if at all.
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

  // Counts since the start. Any context.

  std::uint64_t useless() const { return useless_.value(); }
  std::uint64_t pauses() const { return pauses_.value(); }

 private:
  unsigned useless_in_a_row_ = 0;
  async::Duration pause_ = shortest;
  hal::Counter useless_;
  hal::Counter pauses_;
};

}  // namespace kernel
