// Director: says what comes next wherever more than one thing may. While one is present, a machine
// asks it
//
// - which of the events that are due comes first: another step of a hart, an interrupt, an alarm,
//   the end of computing. So interrupts come at every await, timers in every order, and a
//   cancellation before and after what it races with;
// - under the policies of directed_policy(), which of the ready jobs a hart runs.
//
// A schedule is the sequence of its answers. It is written as those that are not 0: "17:1,40:2"
// passes over one at choice 17 and two at choice 40, counting from 0 those that had an alternative.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/policy/all.h"
#include "history.h"

namespace async::sim {

class Director {
 public:
  struct Choice {
    unsigned taken;
    unsigned alternatives;
    unsigned asked = 0;  // by the schedule that is repeated
  };

  Director() = default;
  virtual ~Director() = default;
  /// Repeats a schedule that was written down; the empty one is first come, first served.
  static std::expected<Director, std::string> of(std::string_view schedule);

  /// Which of these, 2 or more, is next; they are in the order in which they came. A number is the
  /// same thing's in every choice and every run.
  unsigned choose(std::span<const std::uint64_t> who);
  /// Is nothing that comes in this run of interest any more?
  bool is_over() const { return over_; }
  /// What has been chosen so far, as it is written.
  std::string schedule() const;
  /// What of the schedule that was to be repeated there was no such choice for; empty: nothing.
  std::string unfollowed() const;
  History& history() { return history_; }

  /// The one that is asked, null: none. It is the runs' between begin() and end().
  static Director* present() noexcept { return present_; }
  void begin();
  static void end() noexcept { present_ = nullptr; }

 protected:
  /// Of a choice that the schedule says nothing of.
  virtual unsigned beyond(std::span<const std::uint64_t>) { return 0; }
  void give_up_run() { over_ = true; }
  std::vector<Choice>& choices() { return choices_; }
  std::size_t chosen() const { return next_; }

 private:
  static inline Director* present_ = nullptr;
  std::vector<Choice> choices_;  // of this run, or, ahead of next_, to be repeated
  std::size_t next_ = 0;
  bool over_ = false;
  History history_;
};

/// For Machine::Options: "directed", whatever priorities are, or "directed-by-priority", where a
/// more urgent job always goes first, and preempts.
const policy::Kind& directed_policy(bool by_priority);
/// Null: that is not its name.
const policy::Kind* find_directed(std::string_view name);

}  // namespace async::sim
