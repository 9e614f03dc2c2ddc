// Lottery scheduling (C. Waldspurger, W. Weihl: Lottery Scheduling: Flexible Proportional-Share
// Resource Management, OSDI 1994): each slice is drawn, and a job's tickets are its weight.
#pragma once

#include "async/policy/tickets.h"

namespace async::policy {

class Lottery final : public Rules {
 public:
  static constexpr const char* name = "lottery";
  static constexpr const char* summary = "each slice is drawn, with weights as tickets";
  static constexpr unsigned promises = promise_no_starvation | promise_shares;

  explicit Lottery(const Options& options) noexcept
      : Rules(options), state_(options.seed * 2 + 1) {}

  void enqueue(Job&, Entity& entity) noexcept { tickets_.insert(entity, entity.attributes.weight); }
  Job* pick() noexcept {
    const auto all = static_cast<std::uint64_t>(tickets_.all());
    Entity& winner = tickets_.drawn(static_cast<std::int64_t>(random() % all));
    tickets_.remove(winner);
    return winner.job;
  }
  void remove(Job&, Entity& entity) noexcept { tickets_.remove(entity); }
  Job* find(Wanted wanted) noexcept { return tickets_.find(wanted); }
  Duration slice(const Entity&) const noexcept { return options().slice; }

 private:
  /// xorshift64* (S. Vigna: An Experimental Exploration of Marsaglia's xorshift Generators, 2014).
  std::uint64_t random() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1dull) >> 16;
  }

  Tickets tickets_;
  std::uint64_t state_;
};

}  // namespace async::policy
