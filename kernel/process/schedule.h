// How urgent a user thread is: Linux's policies, priorities and nice values, and where they lie
// among the executor's levels.
//
//   level  0        interrupt-handler coroutines
//          1        what brings their news to programs: no program, however urgent, keeps keys away
//          2 …  8   SCHED_FIFO and SCHED_RR, priority 99 … 1
//          9        threads that have been killed
//         10 … 29   SCHED_OTHER and SCHED_BATCH, nice −20 … 19 (nice 0 is 20)
//         31        SCHED_IDLE
//
// A SCHED_OTHER thread that has used up its turn is a level less urgent until it has slept as long
// as a turn: whoever answers a person runs before whoever computes, however many compute.
#pragma once

#include <abi/flags.h>
#include <async/async.h>

#include <algorithm>

namespace kernel {

struct Schedule {
  int policy = abi::sched_other;
  int priority = 0;             ///< 1 … 99 for the real-time policies, 0 for the others
  int nice = 0;                 ///< −20 … 19
  bool resets_on_fork = false;  ///< what it makes is not as urgent (SCHED_RESET_ON_FORK)

  static constexpr unsigned driver_level = 0;
  static constexpr unsigned news_level = 1;
  static constexpr unsigned lowest_level = 29;  ///< but for SCHED_IDLE
  static constexpr std::uint8_t ending_level =
      9;  ///< before all that compute: it gives memory back
  static constexpr async::Duration shortest_slice{10'000'000};

  /// Of a thread that one with this schedule makes.
  constexpr Schedule inherited() const {
    if (!resets_on_fork) return *this;
    if (is_real_time()) return {};
    return {.policy = policy, .nice = std::max(nice, 0)};
  }

  constexpr bool is_real_time() const {
    return policy == abi::sched_fifo || policy == abi::sched_rr;
  }

  constexpr unsigned level() const {
    if (is_real_time()) return 2 + static_cast<unsigned>(99 - priority) * 7 / 99;
    if (policy == abi::sched_idle) return 31;
    return 10 + static_cast<unsigned>(nice + 20) / 2;
  }

  /// Whether computing long makes it less urgent.
  constexpr bool gives_way() const {
    return policy == abi::sched_other || policy == abi::sched_batch;
  }

  /// Whether an equally urgent thread gets its turn when the slice is over.
  constexpr bool shares_level() const { return policy != abi::sched_fifo; }
  /// What it computes before that. Who answers nobody has longer ones, and is switched less often.
  constexpr async::Duration slice() const {
    const bool answers = policy != abi::sched_batch && policy != abi::sched_idle;
    return answers ? shortest_slice : 4 * shortest_slice;
  }

  static constexpr bool valid_policy(int policy) {
    return policy == abi::sched_other || policy == abi::sched_fifo || policy == abi::sched_rr ||
           policy == abi::sched_batch || policy == abi::sched_idle;
  }
  constexpr bool valid() const {
    if (!valid_policy(policy)) return false;
    return is_real_time() ? priority >= 1 && priority <= 99 : priority == 0;
  }
};

}  // namespace kernel
