// Tests of the model of weak memory: litmus tests, whose outcomes are known.
#include "weak_memory.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "atomic.h"

using namespace parallel_test;

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;
constexpr auto seq_cst = std::memory_order_seq_cst;

/// Two words, and what the threads read.
struct State {
  Atomic<int> x = 0, y = 0;
  std::array<int, 4> read{};
  Plain<int> data;

  void fence(std::memory_order order) { explorer.fence(order, std::source_location::current()); }
};

using Thread = std::function<void(State&)>;

Explorer::Report explore_threads(const std::vector<Thread>& threads, Explorer::Bound bound,
                                 const std::function<void(State&)>& at_end) {
  static std::optional<State> state;  // always in the same place
  static constexpr const char* names[] = {"a", "b", "c", "d"};
  return explorer.explore(
      bound,
      [&] {
        state.emplace();
        for (unsigned i = 0; i < threads.size(); ++i)
          explorer.add_thread(names[i], i, [&threads, i] { threads[i](*state); });
      },
      [&](bool) { at_end(*state); });
}

/// All outcomes of the threads: the first `reads` members of State::read.
std::set<std::string> outcomes(const std::vector<Thread>& threads, unsigned reads,
                               Explorer::Bound bound = {8, 4}) {
  std::set<std::string> seen;
  const auto report = explore_threads(threads, bound, [&](State& state) {
    std::string outcome;
    for (unsigned i = 0; i < reads; ++i) outcome += std::to_string(state.read[i]);
    seen.insert(outcome);
  });
  CHECK(report.failure.empty());
  return seen;
}

using Outcomes = std::set<std::string>;

/// SB: each thread stores to its word, then loads the other one. With `with_fence`, there is a
/// seq_cst fence in between.
Outcomes store_buffering(std::memory_order store, std::memory_order load, bool with_fence = false,
                         Explorer::Bound bound = {8, 4}) {
  return outcomes({[=](State& s) {
                     s.x.store(1, store);
                     if (with_fence) s.fence(seq_cst);
                     s.read[0] = s.y.load(load);
                   },
                   [=](State& s) {
                     s.y.store(1, store);
                     if (with_fence) s.fence(seq_cst);
                     s.read[1] = s.x.load(load);
                   }},
                  2, bound);
}

/// MP: a thread stores x, then y. Another one loads y, then x.
Outcomes message_passing(std::memory_order store, std::memory_order load, bool with_fences) {
  return outcomes({[=](State& s) {
                     s.x.store(1, relaxed);
                     if (with_fences) s.fence(release);
                     s.y.store(1, store);
                   },
                   [=](State& s) {
                     s.read[0] = s.y.load(load);
                     if (with_fences) s.fence(acquire);
                     s.read[1] = s.x.load(relaxed);
                   }},
                  2);
}

/// IRIW: two threads store to a word each. Two others load both, in opposite orders. Read: the
/// values of x, y and of y, x.
Outcomes independent_reads(std::memory_order store, std::memory_order load, bool with_fences) {
  return outcomes({[=](State& s) { s.x.store(1, store); }, [=](State& s) { s.y.store(1, store); },
                   [=](State& s) {
                     s.read[0] = s.x.load(load);
                     if (with_fences) s.fence(seq_cst);
                     s.read[1] = s.y.load(load);
                   },
                   [=](State& s) {
                     s.read[2] = s.y.load(load);
                     if (with_fences) s.fence(seq_cst);
                     s.read[3] = s.x.load(load);
                   }},
                  4, {1, 2});
}

const Outcomes all_pairs = {"00", "01", "10", "11"};

}  // namespace

TEST_CASE("store buffering: both threads read old values, unless seq_cst forbids it") {
  CHECK(store_buffering(relaxed, relaxed) == all_pairs);
  CHECK(store_buffering(release, acquire) == all_pairs);
  CHECK(store_buffering(seq_cst, seq_cst) == Outcomes{"01", "10", "11"});
  CHECK(store_buffering(seq_cst, acquire) == all_pairs);
  CHECK(store_buffering(relaxed, relaxed, true) == Outcomes{"01", "10", "11"});
}

TEST_CASE("the bounds limit preemptions and reorderings separately") {
  CHECK(store_buffering(relaxed, relaxed, false, {8, 0}) == Outcomes{"01", "10", "11"});
  CHECK(store_buffering(relaxed, relaxed, false, {8}) == Outcomes{"01", "10", "11"});
  CHECK(store_buffering(relaxed, relaxed, false, {0, 1}) == Outcomes{"00", "01", "10"});
}

TEST_CASE("message passing: an acquire load or fence sees what the release covers") {
  CHECK(message_passing(relaxed, relaxed, false) == all_pairs);
  CHECK(message_passing(release, relaxed, false) == all_pairs);
  CHECK(message_passing(relaxed, acquire, false) == all_pairs);
  const Outcomes ordered = {"00", "01", "11"};
  CHECK(message_passing(release, acquire, false) == ordered);
  CHECK(message_passing(relaxed, relaxed, true) == ordered);
  CHECK(message_passing(seq_cst, seq_cst, false) == ordered);
}

TEST_CASE("coherence: a thread does not read an older value than before") {
  const auto seen = outcomes({[](State& s) { s.x.store(1, relaxed); },
                              [](State& s) {
                                s.read[0] = s.x.load(relaxed);
                                s.read[1] = s.x.load(relaxed);
                              }},
                             2);
  CHECK(seen == Outcomes{"00", "01", "11"});
}

TEST_CASE("coherence: two threads agree about the order of two stores to a word") {
  const auto seen =
      outcomes({[](State& s) { s.x.store(1, relaxed); }, [](State& s) { s.x.store(2, relaxed); },
                [](State& s) {
                  s.read[0] = s.x.load(relaxed);
                  s.read[1] = s.x.load(relaxed);
                },
                [](State& s) {
                  s.read[2] = s.x.load(relaxed);
                  s.read[3] = s.x.load(relaxed);
                }},
               4, {2, 2});
  CHECK(seen.contains("1212"));
  CHECK(seen.contains("2121"));
  CHECK_FALSE(seen.contains("1221"));
  CHECK_FALSE(seen.contains("2112"));
}

TEST_CASE("2+2W: two words can end with the first store of each thread, unless fences forbid it") {
  const auto ends = [](std::memory_order order, bool with_fences) {
    Outcomes seen;
    const auto report = explore_threads(
        {[=](State& s) {
           s.x.store(1, order);
           if (with_fences) s.fence(seq_cst);
           s.y.store(2, order);
         },
         [=](State& s) {
           s.y.store(1, order);
           if (with_fences) s.fence(seq_cst);
           s.x.store(2, order);
         }},
        {8, 4},
        [&](State& s) { seen.insert(std::to_string(s.x.load()) + std::to_string(s.y.load())); });
    CHECK(report.failure.empty());
    return seen;
  };
  CHECK(ends(relaxed, false) == Outcomes{"11", "12", "21", "22"});
  CHECK(ends(release, false) == Outcomes{"11", "12", "21", "22"});
  CHECK(ends(seq_cst, false) == Outcomes{"12", "21", "22"});
  CHECK(ends(relaxed, true) == Outcomes{"12", "21", "22"});
}

TEST_CASE("a read-modify-write continues a release sequence, and a store ends it") {
  const auto run = [](bool by_exchange) {
    return outcomes({[](State& s) {
                       s.x.store(1, relaxed);
                       s.y.store(1, release);
                     },
                     [=](State& s) {
                       if (by_exchange) {
                         s.y.fetch_add(1, relaxed);
                       } else if (s.y.load(relaxed) == 1) {
                         s.y.store(2, relaxed);
                       }
                     },
                     [](State& s) {
                       s.read[0] = s.y.load(acquire);
                       s.read[1] = s.x.load(relaxed);
                     }},
                    2);
  };
  CHECK_FALSE(run(true).contains("20"));
  CHECK(run(true).contains("21"));
  CHECK(run(false).contains("20"));
}

TEST_CASE("a read-modify-write reads the newest store") {
  Outcomes ends;
  const auto report = explore_threads(
      {[](State& s) { s.x.fetch_add(1, relaxed); }, [](State& s) { s.x.fetch_add(1, relaxed); },
       [](State& s) { s.x.fetch_add(1, relaxed); }},
      {8, 4}, [&](State& s) { ends.insert(std::to_string(s.x.load())); });
  CHECK(report.failure.empty());
  CHECK(ends == Outcomes{"3"});
}

TEST_CASE("an exchange that fails may have read an old value") {
  const auto seen = outcomes({[](State& s) {
                                s.x.store(1, relaxed);
                                s.y.store(1, release);
                              },
                              [](State& s) {
                                if (s.y.load(relaxed) == 0) return;
                                int expected = 1;
                                s.read[0] =
                                    s.x.compare_exchange_strong(expected, 5, relaxed) ? 1 : 2;
                                s.read[1] = expected;
                              }},
                             2);
  CHECK(seen == Outcomes{"00", "11", "20"});
}

TEST_CASE("IRIW: two threads see two stores in opposite orders, unless seq_cst forbids it") {
  CHECK(independent_reads(release, acquire, false).contains("1010"));
  CHECK(independent_reads(relaxed, relaxed, false).contains("1010"));
  CHECK_FALSE(independent_reads(seq_cst, seq_cst, false).contains("1010"));
  CHECK_FALSE(independent_reads(relaxed, relaxed, true).contains("1010"));
  CHECK(independent_reads(relaxed, relaxed, true).size() == 15);
  CHECK(independent_reads(seq_cst, seq_cst, false).size() == 15);
}

TEST_CASE("accesses to plain data race unless one happened before the other") {
  const auto run = [](std::memory_order store, std::memory_order load) {
    return explore_threads({[=](State& s) {
                              s.data.set(1);
                              s.y.store(1, store);
                            },
                            [=](State& s) {
                              if (s.y.load(load) == 1) s.read[0] = s.data.get();
                            }},
                           {2, 0}, [](State&) {});
  };
  CHECK(run(release, acquire).failure.empty());
  CHECK(run(seq_cst, seq_cst).failure.empty());
  CHECK(run(relaxed, acquire).failure.starts_with("a race on plain data"));
  CHECK(run(release, relaxed).failure.starts_with("a race on plain data"));
}

TEST_CASE("a write that follows a read in no order is a race") {
  const auto report = explore_threads({[](State& s) {
                                         s.read[0] = s.data.get();
                                         s.y.store(1, relaxed);
                                       },
                                       [](State& s) {
                                         if (s.y.load(acquire) == 1) s.data.set(1);
                                       }},
                                      {2, 0}, [](State&) {});
  CHECK(report.failure.starts_with("a race on plain data"));
}

TEST_CASE("a seq_cst fence does not order plain data by itself") {
  const auto run = [](State& s) {
    s.data.set(1);
    s.fence(seq_cst);
  };
  CHECK(explore_threads({run, run}, {2, 0}, [](State&) {}).failure.starts_with("a race"));
}

TEST_CASE("the schedule of a reordering repeats it") {
  const auto run = [] {
    return explore_threads({[](State& s) {
                              s.x.store(1, relaxed);
                              s.y.store(1, relaxed);
                            },
                            [](State& s) {
                              if (s.y.load(relaxed) == 1 && s.x.load(relaxed) == 0)
                                explorer.fail("old data");
                            }},
                           {1, 1}, [](State&) {});
  };
  const Explorer::Report report = run();
  CHECK(report.failure.starts_with("old data"));
  REQUIRE(report.schedule.contains('='));

  setenv("COTRAP_SCHEDULE", report.schedule.c_str(), 1);
  const Explorer::Report again = run();
  unsetenv("COTRAP_SCHEDULE");
  CHECK(again.schedules == 1);
  CHECK(again.failure == report.failure);
}

TEST_CASE("the schedule of a race on plain data repeats it") {
  const auto run = [] {
    return explore_threads({[](State& s) {
                              s.data.set(1);
                              s.y.store(1, relaxed);
                            },
                            [](State& s) {
                              if (s.y.load(relaxed) == 1) s.read[0] = s.data.get();
                            }},
                           {1, 0}, [](State&) {});
  };
  const Explorer::Report report = run();
  CHECK(report.failure.starts_with("a race on plain data"));

  setenv("COTRAP_SCHEDULE", report.schedule.c_str(), 1);
  const Explorer::Report again = run();
  unsetenv("COTRAP_SCHEDULE");
  CHECK(again.failure == report.failure);
}

TEST_CASE("a thread that spins on an old value sees the new one in time") {
  bool seen = false;
  const auto report = explore_threads({[](State& s) { s.x.store(1, relaxed); },
                                       [&](State& s) {
                                         seen = false;
                                         while (s.x.load(relaxed) == 0)
                                           explorer.relax(std::source_location::current());
                                         seen = true;
                                       }},
                                      {2, 2}, [&](State&) {
                                        if (!seen) explorer.fail("it spins for ever");
                                      });
  CHECK(report.failure.empty());
}
