// Threads in the ring of one hart, driven as sched/running.cpp drives them: the clock ticks, and
// a time slice ends at a tick.
#include "sched/time_share.h"

#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <numeric>
#include <random>
#include <vector>

namespace kernel {
namespace {

constexpr std::int64_t slice = 100'000, tick = slice / 4, half_tick = tick / 2;

struct Runner {
  std::int64_t weight;
  std::int64_t least = half_tick + 1;
  TimeShare share{};
  std::int64_t ran = 0;
  int passed_over = 0;

  std::int64_t quantum() const { return std::max<std::int64_t>(slice * weight / 1024, 1); }
  void begin_timeslice() {
    const std::int64_t rest = share.credit - std::max(slice, least);
    share.timeslice_end = rest > half_tick ? rest : 0;
  }
};

struct Hart {
  Rounds rounds;
  std::vector<Runner> runners;
  std::deque<std::size_t> ring;

  explicit Hart(std::vector<std::int64_t> weights) {
    for (const std::int64_t weight : weights) runners.push_back({.weight = weight});
    for (std::size_t i = 0; i < runners.size(); ++i) ring.push_back(i);
  }
  /// The ring's first thread with credit runs for one time slice, but at most `limit`.
  void run_first(std::int64_t limit = std::numeric_limits<std::int64_t>::max()) {
    for (;;) {
      const std::size_t first = ring.front();
      ring.pop_front();
      ring.push_back(first);
      Runner& runner = runners[first];
      if (!rounds.begins_timeslice(runner.share, runner.quantum(), runner.least)) {
        ++runner.passed_over;
        continue;
      }
      runner.begin_timeslice();
      std::int64_t used = 0;
      while (used < limit && runner.share.credit > runner.share.timeslice_end + half_tick) {
        const std::int64_t step = std::min(tick, limit - used);
        runner.share.credit -= step;
        used += step;
      }
      runner.ran += used;
      return;
    }
  }
  std::int64_t total() const {
    return std::accumulate(runners.begin(), runners.end(), std::int64_t{0},
                           [](std::int64_t sum, const Runner& each) { return sum + each.ran; });
  }
  void run_for(std::int64_t time) {
    for (const std::int64_t end = total() + time; total() < end;) run_first();
  }
};

void check_shares(const Hart& hart) {
  std::int64_t weights = 0;
  for (const Runner& each : hart.runners) weights += each.weight;
  for (const Runner& each : hart.runners) {
    const double expected = static_cast<double>(hart.total()) * static_cast<double>(each.weight) /
                            static_cast<double>(weights);
    const auto off = std::abs(static_cast<double>(each.ran) - expected);
    CAPTURE(each.weight, each.ran, expected);
    CHECK(off <= 2.0 * static_cast<double>(each.quantum() + slice));
  }
}

TEST_CASE("threads that always compute share a hart by weight") {
  for (const auto& weights : std::vector<std::vector<std::int64_t>>{
           {1024, 1024}, {1024, 335}, {3121, 1024, 335}, {15, 15}, {88761, 15, 1024}}) {
    Hart hart(weights);
    std::int64_t heaviest = 0;
    for (const auto weight : weights) heaviest = std::max(heaviest, weight);
    hart.run_for(300 * slice * heaviest / 1024 + 2'000 * slice);
    check_shares(hart);
  }
}

TEST_CASE("any set of weights is shared exactly, even if time slices end early") {
  std::mt19937 random(7);
  for (int set = 0; set < 50; ++set) {
    std::vector<std::int64_t> weights(1 + random() % 12);
    for (auto& weight : weights) weight = 15 + random() % 4000;
    Hart hart(weights);
    hart.run_for(2'000 * slice);
    check_shares(hart);
  }
}

TEST_CASE("long time slices do not increase a share") {
  Hart hart({1024, 1024});
  hart.runners[0].least = 4 * slice - half_tick;
  hart.run_for(1'000 * slice);
  check_shares(hart);
}

TEST_CASE("a thread of any weight is passed over at most once per round") {
  Hart hart({15, 15, 15});
  hart.run_for(300 * tick);
  for (const Runner& each : hart.runners) CHECK(each.passed_over <= 110);
}

TEST_CASE("a search for the next thread does not depend on threads that have left") {
  Hart hart({1024, 1024, 1024});
  hart.run_for(20 * slice);
  // No thread has credit. The search passes over the first thread, which then leaves the ring.
  for (auto& each : hart.runners) {
    each.share.credit = 0;
    hart.rounds.join(each.share, 0);
  }
  Runner& gone = hart.runners[hart.ring.front()];
  CHECK_FALSE(hart.rounds.begins_timeslice(gone.share, gone.quantum(), gone.least));
  hart.ring.pop_front();
  hart.run_for(20 * slice);
  check_shares({[&] {
    Hart rest = hart;
    for (auto& each : rest.runners) each.ran = 0;
    rest.runners.erase(rest.runners.begin() + (&gone - hart.runners.data()));
    rest.ring = {0, 1};
    rest.run_for(200 * slice);
    return rest;
  }()});
}

TEST_CASE("a wait within a round earns nothing, and a wait of many rounds one quantum") {
  Rounds rounds;
  TimeShare share;
  CHECK(rounds.renew(share, slice));
  share.credit = 3;
  CHECK_FALSE(rounds.renew(share, slice));
  CHECK(share.credit == 3);
  for (int i = 0; i < 1000; ++i) rounds.end_round();
  CHECK(rounds.renew(share, slice));
  CHECK(share.credit == slice);
}

TEST_CASE("a thread from another hart keeps its credit") {
  Rounds rounds;
  for (int i = 0; i < 9; ++i) rounds.end_round();
  TimeShare share{.credit = -5};
  rounds.join(share, 0);
  CHECK_FALSE(rounds.is_behind(share));
  CHECK(share.credit == -5);
}

}  // namespace
}  // namespace kernel
