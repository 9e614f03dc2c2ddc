// explore(): every schedule of a run up to a bound, one after another.
//
// Under the policy `directed` a hart runs its ready jobs in the order in which they became ready,
// unless its director lets some of them wait: it says how many. A run is a sequence of such
// choices; the next one differs from it in the last choice that has an alternative left (depth
// first), and all are tried in which no more than `bound` jobs are passed over in all (M. Emmi, S.
// Qadeer, Z. Rakamarić: Delay-Bounded Scheduling, POPL 2011). Bounds are tried from 0 up, so what
// fails fails with as few as can be.
//
// A schedule is written as its choices that are not 0: "17:1,40:2" passes over one job at choice 17
// and two at choice 40, counting from 0 those where more than one job is ready.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "async/policy/all.h"
#include "async/policy/list.h"

namespace async::sim {

class Director {
 public:
  /// Repeats a schedule that was written down; the empty one is first come, first served.
  static std::expected<Director, std::string> of(std::string_view schedule);

  /// Of `ready` jobs, 2 or more, how many the next one to run passes over.
  unsigned choose(unsigned ready);
  /// What has been chosen so far, as it is written.
  std::string schedule() const;

 private:
  friend struct Exploration;
  struct Choice {
    unsigned taken;
    unsigned alternatives;
  };
  std::vector<Choice> choices_;  // of this run, or, ahead of next_, to be repeated
  std::size_t next_ = 0;
};

/// Its director is the one that was set last.
class Directed final : public Policy {
 public:
  explicit Directed(const Options& options) noexcept : Policy(options) {}
  static void set_director(Director* director) noexcept { director_ = director; }

 protected:
  void enqueue(Job& job, Entity&) noexcept override { queue_.push_back(job); }
  Job* pick() noexcept override;
  void remove(Job& job, Entity&) noexcept override { policy::JobList::remove(job); }
  Job* find(Wanted wanted) noexcept override { return queue_.find(wanted); }
  Duration slice(const Entity&) const noexcept override { return options().slice; }

 private:
  static inline Director* director_ = nullptr;
  policy::JobList queue_;
};

/// For Machine::Options.
const policy::Kind& directed();

struct Exploration {
  std::uint64_t schedules = 0;
  unsigned bound = 0;     // that was reached, or at which it failed
  bool is_whole = false;  // no schedule was left out for the bound's sake
  std::string failure;    // empty: none
  std::string schedule;   // that failed

  /// `run()` sets up a machine under directed(), runs it, and says what is wrong; empty: nothing.
  /// At most `most` schedules.
  static Exploration of(unsigned bound, std::uint64_t most,
                        const std::function<std::string()>& run);

 private:
  bool all_of(unsigned bound, std::uint64_t most, const std::function<std::string()>& run);
  static bool next(Director& director, unsigned bound, bool& left_out);
};

/// What is wrong on a machine on which nothing is to come any more: every job that waits, for whom,
/// and the coroutines that it waits in. Empty if there is none.
std::string stuck_jobs();

}  // namespace async::sim
