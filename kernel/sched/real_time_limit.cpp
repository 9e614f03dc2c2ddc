#include "sched/real_time_limit.h"

#include <async/executor.h>
#include <async/policy.h>
#include <async/timer.h>
#include <hal/hart.h>

#include <algorithm>
#include <array>

#include "memory/frames.h"
#include "sched/running.h"

namespace kernel::real_time_limit {
namespace {

using namespace std::chrono_literals;
using async::Duration;

constexpr Duration runtime = 950ms, rest = 50ms;
constexpr Duration seldom = 1s, often = 40ms, while_throttling = 1250us;

class Looks : public async::Timer {
 public:
  Looks() : Timer{&look} {}

  void begin() { async::current_executor().arm(*this, async::now() + seldom); }
  async::Instant end() const { return end_; }

 private:
  /// Whether a real-time thread keeps this hart from another ready job. Policies decide themselves.
  static bool keeps_others_waiting() {
    const Runnable* const thread = current.thread;
    const async::Executor& executor = async::current_executor();
    return thread != nullptr && thread->schedule().is_real_time() && executor.policy() == nullptr &&
           executor.has_ready_above(async::priorities);
  }
  static void look(async::Timer& timer) noexcept {
    auto& self = static_cast<Looks&>(timer);
    async::current_executor().arm(self, async::now() + self.next());
  }
  /// Does a look. Returns the time until the next one.
  Duration next() {
    const async::Instant now = async::now();
    const bool keeps = keeps_others_waiting();
    if (now < end_) {
      if (keeps) current.thread->throttle();
      return while_throttling;
    }
    if (!keeps) {
      since_ = async::never;
      return seldom;
    }
    since_ = std::min(since_, now);
    if (now - since_ < runtime) return irregular();
    since_ = async::never;
    end_ = now + rest;
    current.thread->throttle();
    return while_throttling;
  }
  /// About 50 ms: a thread with a period of its own does not run at each look.
  Duration irregular() {
    random_ = random_ * 1664525 + 1013904223;  // Numerical Recipes, 7.1
    return often + Duration{random_ >> 8};     // up to 16.8 ms more
  }

  async::Instant since_ = async::never;  // a real-time thread was found at each look since then
  async::Instant end_{};
  std::uint32_t random_ = 1;
};

// By hart; null: the hart has run no real-time thread. Not thread_local: few instructions reach the
// first 2 KiB of those only, and frequent paths need them.
constinit std::array<Looks*, hal::max_harts> looks{};

}  // namespace

void begin() {
  if (current.limits_real_time || !memory::can_allocate(sizeof(Looks))) return;
  current.limits_real_time = true;
  looks[hal::hart_index()] = new Looks;  // the hart keeps it
  looks[hal::hart_index()]->begin();
}

async::Instant end() {
  const Looks* const own = looks[hal::hart_index()];
  return own != nullptr ? own->end() : async::Instant{};
}

}  // namespace kernel::real_time_limit
