// Lottery scheduling (C. Waldspurger, W. Weihl: Lottery Scheduling: Flexible Proportional-Share
// Resource Management, OSDI 1994): each slice goes to a job that is drawn at random. A job has as
// many tickets as its weight. A job that stops after a fraction f of its slice has 1 / f times as
// many tickets until it runs again (compensation tickets). So weights set shares of time, not of
// slices.
#include <algorithm>

#include "async/policy/kinds.h"
#include "async/policy/tickets.h"

namespace async::policy {

class Lottery final : public Rules {
 public:
  static constexpr const char* name = "lottery";
  static constexpr const char* summary = "a draw for each time slice, with weights as tickets";
  static constexpr unsigned promises = promise_no_starvation | promise_shares;

  explicit Lottery(const Options& options) noexcept
      : Rules(options), state_(options.seed * 2 + 1) {}

  void enqueue(Job&, Entity& entity) noexcept { tickets_.insert(entity, tickets_of(entity)); }
  Job* pick() noexcept {
    const auto all = static_cast<std::uint64_t>(tickets_.all());
    Entity& winner = tickets_.drawn(static_cast<std::int64_t>(random() % all));
    tickets_.remove(winner);
    used_in_slice(winner) = least_use();
    return winner.job;
  }
  void ran(Job&, Entity& entity, Duration used) noexcept { used_in_slice(entity) += used.count(); }
  void remove(Job&, Entity& entity) noexcept { tickets_.remove(entity); }
  Job* find(Wanted wanted) noexcept { return tickets_.find(wanted); }
  Duration slice(const Entity&) const noexcept { return options().slice; }

 private:
  /// The time that the job used in its last slice, in nanoseconds; 0: the job has not run yet.
  static std::int64_t& used_in_slice(Entity& entity) noexcept { return entity.until_ns; }
  /// The least time that a slice is counted as, which bounds the compensation; nanoseconds.
  std::int64_t least_use() const noexcept {
    return std::max<std::int64_t>(options().slice.count() / 1024, 1);
  }
  std::int64_t tickets_of(Entity& entity) const noexcept {
    const std::int64_t weight = entity.attributes.weight;
    const std::int64_t slice = options().slice.count();
    const std::int64_t used = used_in_slice(entity);
    return used == 0 || used >= slice ? weight : weight * slice / used;
  }
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

ASYNC_POLICY(Lottery, "lottery");

}  // namespace async::policy
