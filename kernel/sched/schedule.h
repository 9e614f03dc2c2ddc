// The schedule of a user thread: Linux's policies, priorities and nice values, and their levels in
// the executor. Level 0 is the most urgent.
//
//   level  0        driver coroutines
//          1        jobs that pass the drivers' events to programs, such as keys
//          2        SCHED_DEADLINE
//          2 …  8   SCHED_FIFO and SCHED_RR, priority 99 … 1
//          9        killed threads
//         10 … 29   SCHED_OTHER and SCHED_BATCH, nice −20 … 19 (nice 0 is 20)
//         30        CPU-bound threads of these two: the ring of time_share.h
//         31        SCHED_IDLE
//
// The level of an ordinary thread (SCHED_OTHER, SCHED_BATCH) decides only how soon it runs after a
// wait. Its weight decides how much it runs: a thread that uses up a time slice goes to the ring,
// where threads share the hart's time by weight. An interactive thread never gets there.
//
// A SCHED_DEADLINE thread without budget sleeps until its next period, unless the scheduling policy
// serves reservations itself (edf), or a real-time or deadline thread waits for its lock.
// sched_yield() gives up the rest of the budget.
#pragma once

#include <abi/flags.h>
#include <async/async.h>
#include <async/entity.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace kernel {

/// A reservation of SCHED_DEADLINE: `runtime` within `deadline` of each wake, once in a `period`.
struct Reservation {
  async::Duration runtime{};
  async::Duration deadline{};
  async::Duration period{};

  /// Whether the three times follow Linux's rules (sched(7)), with its default bounds of periods.
  constexpr bool valid() const {
    using namespace std::chrono_literals;
    const bool in_order = runtime >= 1024ns && deadline >= runtime && period >= deadline;
    return in_order && period >= 100us && period <= (1 << 22) * 1us;
  }
  /// The share of a hart in millionths, rounded up: runtime / deadline.
  constexpr std::uint64_t share() const {
    if (deadline.count() <= 0) return 0;
    const auto part = static_cast<unsigned __int128>(runtime.count()) * 1'000'000;
    return static_cast<std::uint64_t>((part + deadline.count() - 1) / deadline.count());
  }
};

struct Schedule {
  int policy = abi::sched_other;
  std::int8_t priority = 0;     ///< 1 … 99 for real-time policies, else 0
  std::int8_t nice = 0;         ///< −20 … 19
  bool resets_on_fork = false;  ///< SCHED_RESET_ON_FORK: children get the default policy
  Reservation reservation;      ///< only for SCHED_DEADLINE

  static constexpr unsigned lowest_level = 29;  ///< of ordinary threads that are not CPU-bound
  static constexpr unsigned ring_level = 30;    ///< of CPU-bound ordinary threads
  /// Of a killed thread. It runs before ordinary threads, because its end frees memory.
  static constexpr std::uint8_t ending_level = 9;
  static constexpr async::Duration shortest_slice{10'000'000};

  /// The schedule of a child of a thread with this schedule.
  constexpr Schedule inherited() const {
    if (!resets_on_fork) return *this;
    if (is_real_time() || is_deadline()) return {};
    return {.policy = policy, .nice = std::max(nice, std::int8_t{0})};
  }

  constexpr bool is_real_time() const {
    return policy == abi::sched_fifo || policy == abi::sched_rr;
  }

  constexpr bool is_deadline() const { return policy == abi::sched_deadline; }

  constexpr bool has_nice() const { return !is_real_time() && !is_deadline(); }

  constexpr unsigned level() const {
    if (is_ordinary()) [[likely]]
      return 10 + static_cast<unsigned>(nice + 20) / 2;
    if (is_deadline()) return 2;
    return policy == abi::sched_idle ? 31 : 2 + static_cast<unsigned>(99 - priority) * 7 / 99;
  }

  /// Whether the thread is ordinary: it shares time by weight.
  constexpr bool is_ordinary() const {
    return policy == abi::sched_other || policy == abi::sched_batch;
  }

  /// Whether the thread yields to threads of its level when its time slice is over.
  constexpr bool shares_level() const { return policy != abi::sched_fifo; }
  /// The length of a time slice, in multiples of shortest_slice. SCHED_BATCH and SCHED_IDLE have
  /// longer ones, so that the hart switches less often.
  constexpr unsigned short_slices() const {
    return policy == abi::sched_batch || policy == abi::sched_idle ? 4 : 1;
  }
  constexpr async::Duration slice() const { return short_slices() * shortest_slice; }

  /// The weight of a nice value is about 1.25 times that of the next one (Linux's
  /// sched_prio_to_weight).
  constexpr std::uint32_t weight() const {
    constexpr std::array<std::uint32_t, 40> by_nice{
        88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,  // -20 …
        9548,  7620,  6100,  4904,  3906,  3121,  2501,  1991,  1586,  1277,   // -10 …
        1024,  820,   655,   526,   423,   335,   272,   215,   172,   137,    // 0 …
        110,   87,    70,    56,    45,    36,    29,    23,    18,    15};    // 10 … 19
    if (policy == abi::sched_idle) return 3;
    if (!is_ordinary()) return async::Attributes::usual_weight;
    return by_nice[static_cast<unsigned>(nice + 20)];
  }

  static constexpr bool valid_policy(int policy) {
    return policy == abi::sched_other || policy == abi::sched_fifo || policy == abi::sched_rr ||
           policy == abi::sched_batch || policy == abi::sched_idle || policy == abi::sched_deadline;
  }
  constexpr bool valid() const {
    if (!valid_policy(policy)) return false;
    if (is_deadline() && !reservation.valid()) return false;
    return is_real_time() ? priority >= 1 && priority <= 99 : priority == 0;
  }
};

}  // namespace kernel
