// Director: decides what comes next wherever there is more than one alternative. While a director
// is present, a machine asks it
//
// - which of the due events comes first: a step of a hart, an interrupt, an alarm, the end of a
//   computation. So interrupts come at every await, timers in every order, and a cancellation
//   before and after the event that it races with;
// - under the policies of directed_policy(), which of the ready jobs a hart runs.
//
// An answer n passes over the first n alternatives. A schedule is the sequence of the answers. Its
// text lists those that are not 0: "17:1,40:2" passes over one alternative at choice 17 and two at
// choice 40. Choices are numbered from 0; where there is only one alternative, there is no choice.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/policy/kinds.h"
#include "history.h"

namespace async::sim {

class Director {
 public:
  struct Choice {
    unsigned taken;
    unsigned alternatives;
    unsigned asked = 0;  // the answer that the repeated schedule has for this choice
  };

  Director() = default;
  virtual ~Director() = default;
  /// A director that repeats the schedule of this text; the empty one is first come, first served.
  /// An error: the text is not a schedule.
  static std::expected<Director, std::string> of(std::string_view schedule);

  /// The index of the alternative that comes next. `who` has 2 or more, in the order of arrival;
  /// each number identifies the same job or event in every choice and every run.
  unsigned choose(std::span<const std::uint64_t> who);
  /// Whether the rest of this run tells an exploration nothing new.
  bool is_over() const { return over_; }
  /// The text of the choices so far.
  std::string schedule() const;
  /// Why this run could not follow the repeated schedule to its end: the run has fewer choices, or
  /// one of its choices has fewer alternatives. Empty: it followed the whole schedule.
  std::string unfollowed() const;
  History& history() { return history_; }

  /// The director that machines ask, from begin() to end(); null: none.
  static Director* present() noexcept { return present_; }
  void begin();
  static void end() noexcept { present_ = nullptr; }

 protected:
  /// The answer to a choice that the repeated schedule does not contain.
  virtual unsigned beyond(std::span<const std::uint64_t>) { return 0; }
  void give_up_run() { over_ = true; }
  std::vector<Choice>& choices() { return choices_; }
  std::size_t chosen() const { return next_; }

 private:
  static inline Director* present_ = nullptr;
  std::vector<Choice> choices_;  // this run's choices; from next_ on, the choices to repeat
  std::size_t next_ = 0;
  bool over_ = false;
  History history_;
};

/// For Machine::Options: "directed", which ignores priorities, or "directed-by-priority", under
/// which a more urgent job goes first, and preempts.
const policy::Kind& directed_policy(bool by_priority);
/// Null if no directed policy has that name.
const policy::Kind* find_directed(std::string_view name);

}  // namespace async::sim
