// Lottery scheduling (C. Waldspurger, W. Weihl: Lottery Scheduling: Flexible Proportional-Share
// Resource Management, OSDI 1994): each slice is drawn, and a job's tickets are its weight. Whoever
// wins moves to the front, so that those with many tickets are found soon; O(n) all the same.
#pragma once

#include "async/policy/list.h"

namespace async::policy {

class Lottery final : public Policy {
 public:
  static constexpr const char* name = "lottery";
  static constexpr const char* summary = "each slice is drawn, with weights as tickets";
  static constexpr unsigned promises = promise_no_starvation | promise_shares;

  explicit Lottery(const Options& options) noexcept
      : Policy(options), state_(options.seed * 2 + 1) {}

 protected:
  void enqueue(Job& job, Entity& entity) noexcept override {
    entity.credit = entity.attributes.weight;  // as it is while it is queued
    tickets_ += entity.attributes.weight;
    queue_.push_front(job);  // the last one that has won
  }
  Job* pick() noexcept override {
    std::int64_t ticket =
        static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(tickets_));
    Job* const winner = queue_.for_each([&ticket](Job& job) {
      ticket -= entity_of(job).credit;
      return ticket < 0;
    });
    remove(*winner, entity_of(*winner));
    return winner;
  }
  void remove(Job& job, Entity& entity) noexcept override {
    tickets_ -= entity.credit;
    JobList::remove(job);
  }
  Job* find(Wanted wanted) noexcept override { return queue_.find(wanted); }
  Duration slice(const Entity&) const noexcept override { return options().slice; }

 private:
  /// xorshift64* (S. Vigna: An Experimental Exploration of Marsaglia's xorshift Generators, 2014).
  std::uint64_t random() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1dull) >> 16;
  }

  JobList queue_;
  std::int64_t tickets_ = 0;
  std::uint64_t state_;
};

}  // namespace async::policy
