// How the ordinary threads of one hart share its time in proportion to their weights: deficit round
// robin (M. Shreedhar, G. Varghese: Efficient Fair Queuing Using Deficit Round Robin, SIGCOMM
// 1995).
//
//   A round gives every thread a quantum of credit, 10 ms × its weight / the weight of nice 0.
//   Running uses credit up. A thread whose time slice is over waits in the ring of CPU-bound
//   threads; without credit it waits until the next round. The round ends when no thread of the
//   ring has credit left. A slice is 10 ms, or less if the credit is used up before.
//
//   woken in a new round ──▶ level of its nice value ──── slice over ────▶ ring, at level 30
//            ▲                       │ waits                                 │  ▲
//            └───────────────────────┴───────────────────────────────────────┘  └─ next time slice
//
// So a sleeping thread runs at once when it wakes, but it gets only one quantum a round. Over many
// rounds no thread gets more than its share by weight while others are ready. Time is in ticks of
// hal::clock_ticks(). The strand owns all of this data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace kernel {

/// The time that a thread may still use on its hart. charge() (running.h) takes it from `credit`.
/// Rounds gives new credit and sets the last three members; running.cpp sets the others.
struct TimeShare {
  std::int64_t credit = 0;         ///< below 0: the thread ran for longer than its credit
  std::int64_t timeslice_end = 0;  ///< the time slice ends when `credit` has dropped to this
  std::uint64_t period_end = 0;  ///< only for SCHED_DEADLINE threads, whose credit is their budget
  std::uint32_t round = 0;       ///< the last round that gave the thread a quantum
  std::uint32_t passed_over : 24 = 0;  ///< the last search that found the thread without credit
  std::uint32_t hart : 8 = 0;          ///< `round` and `passed_over` are numbers of this hart
};

/// The rounds of one hart.
class Rounds {
 public:
  /// Whether a thread with `share` has had no quantum of the present round.
  bool is_behind(const TimeShare& share) const { return share.round != round_; }

  /// After a wait: adds the quantum of the present round, if the thread has not had it. Credit
  /// beyond one quantum lapses. Returns false if nothing was added.
  bool renew(TimeShare& share, std::int64_t quantum) const {
    if (!is_behind(share)) return false;
    share.credit = std::min(share.credit + quantum_for(share, quantum), quantum);
    share.round = round_;
    return true;
  }

  /// Called for the first thread of the ring, whose time slice has ended. Returns true if its
  /// credit is at least `least`: its next time slice begins. Returns false if it must go to the end
  /// of the ring. When a search has passed over all threads, as many rounds begin as one of them
  /// needs for enough credit.
  bool begins_timeslice(TimeShare& share, std::int64_t quantum, std::int64_t least) {
    add_quanta(share, quantum, least);
    // If this search has passed over this thread already, it has passed over all threads.
    if (share.credit < least && share.passed_over == search_) {
      round_ += rounds_to_wait_;
      start_search();
      add_quanta(share, quantum, least);
    }
    if (share.credit >= least) {
      start_search();
      return true;
    }
    share.passed_over = search_;
    rounds_to_wait_ = std::min(rounds_to_wait_, rounds_until(share.credit, quantum, least));
    return false;
  }

  /// Called when the hart idles: no thread waits for credit.
  void end_round() { ++round_; }

  /// Lets a thread from another hart take part here, on `hart`, with the credit that it has.
  void join(TimeShare& share, unsigned hart) const {
    share.round = round_;
    share.passed_over = 0;
    share.hart = hart;
  }

 private:
  static constexpr std::uint32_t most_rounds = 1 << 20;

  static std::uint32_t rounds_until(std::int64_t credit, std::int64_t quantum, std::int64_t least) {
    const std::int64_t rounds = (least - credit + quantum - 1) / quantum;
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(rounds, 1, most_rounds));
  }
  std::int64_t quantum_for(const TimeShare& share, std::int64_t quantum) const {
    return std::min(round_ - share.round, most_rounds) * quantum;
  }
  /// Adds the quanta of all rounds since the thread's last one. The thread keeps credit below
  /// `least`, which it could not use: the sum is at most `quantum` + `least`.
  void add_quanta(TimeShare& share, std::int64_t quantum, std::int64_t least) const {
    share.credit = std::min(share.credit + quantum_for(share, quantum), quantum + least);
    share.round = round_;
  }
  void start_search() {
    search_ = (search_ + 1) % (1u << 24);  // the bits of TimeShare::passed_over
    rounds_to_wait_ = most_rounds;
  }

  std::uint32_t round_ = 1;
  std::uint32_t search_ = 1;  // number of the search for a thread with credit
  // The fewest rounds after which a thread that the search has passed over has enough credit.
  std::uint32_t rounds_to_wait_ = most_rounds;
};

}  // namespace kernel
