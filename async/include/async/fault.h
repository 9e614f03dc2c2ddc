// Faults that the runtime and its world inject into themselves, at random but repeatable. inject(),
// inject_delay(), may_stand_still() and delays_inbox() compile to nothing without
// platform::injects_faults.
//
//   faults=SEED:RATE:KINDS      7:20:real      7:5:memory,wake
//
// RATE: faults per 1,000 chances. A chance is a call of inject(), where a fault may occur.
// Each hart counts its chances of each kind, and SEED, hart, kind and count decide. So one hart
// draws the same faults in each run in which it has the same chances in the same order.
//
// Faults of real machines delay or refuse. No program may hang or end wrong because of them. The
// other faults break a promise of the hardware or of the runtime: detectors must report them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "async/platform.h"

namespace async {

enum class Fault : std::uint8_t {
  // Faults of real machines.
  wake,      // a hart takes wakes out of its inbox some steps late
  ipi,       // an IPI comes late, or once more
  ipi_once,  // an IPI comes 10 ms late, as if firmware had repeated it
  timer,     // an alarm comes late
  slow,      // a hart stands still for a while
  steal,     // a busy hart gives no job to an idle one
  memory,    // an allocation is refused
  // Faults that no machine may have.
  ipi_lost,   // an IPI is lost for ever
  wake_lost,  // a waker wakes no waiter, although the condition has become true
};
inline constexpr std::size_t fault_kinds = 9;

/// Which faults a run injects.
struct FaultPlan {
  std::uint64_t seed = 0;
  std::uint32_t rate = 0;    // faults in 1,000 chances, 0 … 1,000
  std::uint32_t faults = 0;  // bit n: Fault n

  /// Reads SEED:RATE:KINDS. KINDS are names of faults with commas between them. `real` stands for
  /// all faults of real machines except `memory`, which programs see as errors. The error says what
  /// is wrong, and lives for ever.
  static std::expected<FaultPlan, const char*> parse(std::string_view text) noexcept;
};

/// The name in KINDS, such as "ipi-once".
std::string_view name_of(Fault fault) noexcept;

/// Injects the faults of `plan` from now on, and counts from 0. Other harts see the plan
/// some time later.
void set_faults(const FaultPlan& plan) noexcept;

struct FaultCount {
  std::uint64_t chances = 0;
  std::uint64_t injected = 0;
};
/// The sum over all harts. Any context.
FaultCount count_of(Fault fault) noexcept;

namespace faults {
std::uint64_t draw(Fault fault) noexcept;
bool draw_inbox_delay() noexcept;
}  // namespace faults

/// A chance for `fault`: returns random bits, not 0, if the fault occurs, otherwise 0. Any context.
[[gnu::always_inline]] inline std::uint64_t inject([[maybe_unused]] Fault fault) noexcept {
  if constexpr (!platform::injects_faults) return 0;
  return faults::draw(fault);
}

/// inject() for a fault that takes time: 0, or from 1 to `most` nanoseconds, which is at least 128.
/// Short times are more frequent: each power of two from most / 128 on is about as likely as the
/// next one.
[[gnu::always_inline]] inline std::uint64_t inject_delay(
    [[maybe_unused]] Fault fault, [[maybe_unused]] std::uint64_t most) noexcept {
  if constexpr (!platform::injects_faults) return 0;
  const std::uint64_t bits = faults::draw(fault);
  return bits == 0 ? 0 : (bits >> 8) % (most >> (bits >> 1) % 8) + 1;
}

/// A chance for Fault::slow: the hart may stand still.
[[gnu::always_inline]] inline void may_stand_still() noexcept {
  if constexpr (platform::injects_faults) {
    constexpr std::uint64_t longest_ns = 20'000;
    if (const std::uint64_t ns = inject_delay(Fault::slow, longest_ns)) platform::stand_still(ns);
  }
}

/// A chance for Fault::wake, before a step of this hart, whose inbox has entries: whether the hart
/// leaves them there for this step. Bounded: it takes them after 64 steps at the latest.
[[gnu::always_inline]] inline bool delays_inbox() noexcept {
  if constexpr (!platform::injects_faults) return false;
  return faults::draw_inbox_delay();
}

}  // namespace async
