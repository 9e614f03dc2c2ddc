// Tests of the explorer, on programs so small that the results are known.
#include "explorer.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <optional>
#include <set>
#include <utility>

#include "atomic.h"
#include "word_map.h"

using namespace parallel_test;

namespace {

constexpr auto nothing = [](bool) {};

/// Explores two threads of `length` operations each.
Explorer::Report two_threads(unsigned bound, unsigned length) {
  Atomic<int> word;
  return explorer.explore(
      bound,
      [&] {
        for (const char* name : {"first", "second"}) {
          explorer.add_thread(name, 0, [&, length] {
            for (unsigned i = 0; i < length; ++i) word.store(1);
          });
        }
      },
      nothing);
}

/// A stack whose push is a load and a store; if broken, other threads can push between the two.
template <bool broken>
struct Stack {
  struct Node {
    Node* next = nullptr;
  };

  void push(Node& node) {
    Node* top = top_.load();
    if constexpr (broken) {
      node.next = top;
      top_.store(&node);
    } else {
      do {
        node.next = top;
      } while (!top_.compare_exchange_weak(top, &node));
    }
  }
  unsigned size() const {
    unsigned size = 0;
    for (const Node* node = top_.load(); node != nullptr; node = node->next) ++size;
    return size;
  }

  Atomic<Node*> top_ = nullptr;
};

template <bool broken>
Explorer::Report push_from_two(unsigned bound) {
  struct State {
    Stack<broken> stack;
    typename Stack<broken>::Node nodes[2];
  };
  // static: the explorer needs each word at the same address in every run.
  static std::optional<State> state;
  return explorer.explore(
      bound,
      [&] {
        state.emplace();
        for (unsigned i = 0; i < 2; ++i) {
          explorer.add_thread(i == 0 ? "first" : "second", i,
                              [&, i] { state->stack.push(state->nodes[i]); });
        }
      },
      [&](bool) {
        if (state->stack.size() != 2) explorer.fail("a node is lost");
      });
}

/// A sleeper. If broken, it checks for work before it sets the flag that it sleeps, and so misses a
/// wake in between.
template <bool broken>
Explorer::Report sleep_and_wake() {
  struct State {
    Atomic<bool> work = false;
    Atomic<bool> sleeps = false;
    bool ipi_sent = false;
    bool through = false;
  };
  // static: the explorer needs each word at the same address in every run.
  static std::optional<State> state;
  return explorer.explore(
      1,
      [&] {
        state.emplace();
        explorer.add_thread("sleeper", 0, [&] {
          if constexpr (!broken) state->sleeps.store(true);
          const bool work = state->work.load();
          if constexpr (broken) state->sleeps.store(true);
          if (!work) explorer.wait("sleep", [&] { return state->ipi_sent; });
          state->through = true;
        });
        explorer.add_thread("waker", 1, [&] {
          state->work.store(true);
          if (state->sleeps.load()) state->ipi_sent = true;
        });
      },
      [&](bool) {
        if (!state->through) explorer.fail("it sleeps for ever");
      });
}

/// Jobs of one hart push to the inbox of another hart, which sleeps while the inbox is empty. Only
/// the push that finds the inbox empty wakes the sleeper. At most one interrupt arrives: its
/// handler preempts the pushing job. The more urgent job pushes too, and then computes until the
/// sleeper has taken its push.
template <bool masks>
struct Preemption {
  Atomic<unsigned> inbox = 0;
  bool masked = false;     // interrupts of the pushing hart are masked
  bool interrupt = false;  // an interrupt is pending at the pushing hart
  bool ipi_sent = false;
  unsigned taken = 0;
  unsigned ended = 0;  // jobs

  void push() {
    if constexpr (masks) masked = true;
    const bool was_empty = inbox.fetch_add(1) == 0;
    explorer.point("send_ipi", nullptr, Explorer::Access::none, std::source_location::current());
    explorer.touch(&ipi_sent, Explorer::Access::write);
    if (was_empty) ipi_sent = true;
    masked = false;
  }
  void run_urgent_job() {
    const unsigned before = taken;
    push();
    explorer.wait("compute", [this, before] { return taken > before; });
    ++ended;
  }
  void sleep_and_take() {
    while (taken < 2) {
      explorer.wait("sleep", [this] { return ipi_sent; });
      ipi_sent = false;
      taken += inbox.exchange(0);
    }
  }
};

template <bool masks>
Explorer::Report preempt_a_push(unsigned bound) {
  // static: the explorer needs each word at the same address in every run.
  static std::optional<Preemption<masks>> state;
  constexpr Explorer::Interrupts interrupts = {
      .mask_of = [](unsigned hart) -> const bool* { return hart == 0 ? &state->masked : nullptr; },
      .take =
          [] {
            if (!std::exchange(state->interrupt, false)) return false;
            state->masked = true;
            Explorer::Stack* left = nullptr;
            explorer.leave_stack(left, [&] {
              state->masked = false;
              state->run_urgent_job();
              explorer.return_to(*left);
            });
            return true;
          }};
  return explorer.explore(
      bound,
      [] {
        state.emplace();
        explorer.add_thread("pushes", 0, [] {
          state->push();
          ++state->ended;
        });
        explorer.add_thread("sleeper", 1, [] { state->sleep_and_take(); });
        explorer.add_thread("device", 2, [] { state->interrupt = true; });
      },
      [](bool failed) {
        // In some schedules the hart never takes the interrupt. Then the urgent job does not run.
        const unsigned jobs = state->interrupt ? 1 : 2;
        if (!failed && state->ended != jobs) explorer.fail("a job waits for ever");
      },
      interrupts);
}

}  // namespace

TEST_CASE("a word map finds every word after it has grown") {
  static std::array<char, 10'000> words;
  WordMap<std::size_t> map;
  for (std::size_t i = 0; i < words.size(); i += 2) map[&words[i]] = i;
  std::size_t found = 0;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const std::size_t* const value = map.find(&words[i]);
    if (value != nullptr && *value == i && map[&words[i]] == i) ++found;
    if (map.find(&words[i + 1]) != nullptr) found = 0;
  }
  CHECK(found == words.size() / 2);
  map.clear();
  CHECK(map.find(&words[0]) == nullptr);
}

TEST_CASE("the explorer tries exactly the schedules within its bound") {
  // Either thread begins, and is preempted or not before each of its operations. A preempted thread
  // that runs after the other has ended makes no further choice.
  CHECK(two_threads(0, 3).schedules == 2);
  CHECK(two_threads(1, 3).schedules == 2 * (1 + 3));
  // With a bound beyond the number of operations, a higher bound adds no schedules.
  CHECK(two_threads(6, 1).schedules == two_threads(7, 1).schedules);
  CHECK(two_threads(2, 3).schedules > two_threads(1, 3).schedules);
  CHECK(two_threads(2, 3).longest == 8);  // the ends of the threads count as operations
}

TEST_CASE("the explorer does not repeat a schedule with independent operations in another order") {
  static Atomic<int> word;
  static std::array<unsigned, 2> early;  // loads of each reader before the store
  std::set<std::array<unsigned, 2>> seen;
  const auto report = explorer.explore(
      2,
      [] {
        word.store(0);
        early = {};
        for (unsigned i = 0; i < early.size(); ++i) {
          explorer.add_thread("reads", i, [i] {
            for (int left = 3; left > 0; --left) early[i] += word.load() == 0;
          });
        }
        explorer.add_thread("writes", 2, [] { word.store(1); });
      },
      [&](bool) { seen.insert(early); });
  CHECK(report.failure.empty());
  CHECK(seen.size() == 4 * 4);
  CHECK(report.schedules < 120);  // with all orders of the loads: 240
}

TEST_CASE("a push that other threads can interrupt is found, and its schedule repeats the bug") {
  CHECK(push_from_two<true>(0).failure.empty());
  const Explorer::Report report = push_from_two<true>(1);
  CHECK(report.failure.starts_with("a node is lost"));
  REQUIRE_FALSE(report.schedule.empty());

  setenv("COTRAP_SCHEDULE", report.schedule.c_str(), 1);
  const Explorer::Report again = push_from_two<true>(1);
  unsetenv("COTRAP_SCHEDULE");
  CHECK(again.schedules == 1);
  CHECK(again.failure == report.failure);
}

TEST_CASE("a push by one exchange passes every schedule") {
  CHECK(push_from_two<false>(4).failure.empty());
}

TEST_CASE("a wake before the sleeper is registered is found") {
  CHECK(sleep_and_wake<true>().failure.starts_with("it sleeps for ever"));
  CHECK(sleep_and_wake<false>().failure.empty());
}

TEST_CASE("a preemption between a push and its IPI is found, and its schedule repeats the bug") {
  const Explorer::Report report = preempt_a_push<false>(1);
  CHECK(report.failure.starts_with("a job waits for ever"));
  REQUIRE_FALSE(report.schedule.empty());

  setenv("COTRAP_SCHEDULE", report.schedule.c_str(), 1);
  const Explorer::Report again = preempt_a_push<false>(1);
  unsetenv("COTRAP_SCHEDULE");
  CHECK(again.failure == report.failure);

  const Explorer::Report masked = preempt_a_push<true>(4);
  CHECK(masked.failure.empty());
  CHECK(masked.schedules > report.schedules);
}

TEST_CASE("a stack that one thread leaves can be continued by another thread") {
  static Explorer::Stack* left;
  static unsigned returned_on;
  const auto report = explorer.explore(
      1,
      [] {
        left = nullptr;
        returned_on = 0;
        explorer.add_thread("leaves", 7, [] {
          Explorer::Stack* stack = nullptr;
          explorer.leave_stack(stack, [&stack] {
            left = stack;
            explorer.wait("for ever", [] { return false; });
          });
          returned_on = explorer.hart();
        });
        explorer.add_thread("continues", 9, [] {
          explorer.wait("a stack", [] { return left != nullptr; });
          explorer.return_to(*left);
        });
      },
      [](bool) {
        if (returned_on != 9) explorer.fail("it returned on another hart");
      });
  CHECK(report.failure.empty());
}

TEST_CASE("a spinning thread waits for a change of the word that it read") {
  Atomic<int> word;
  Atomic<int> other;
  bool seen = false;
  const auto report = explorer.explore(
      3,
      [&] {
        word.store(0);
        seen = false;
        explorer.add_thread("spins", 0, [&] {
          while (word.load() == 0) explorer.relax(std::source_location::current());
          seen = true;
        });
        explorer.add_thread("writes", 1, [&] {
          other.store(1);
          word.store(1);
        });
      },
      [&](bool) {
        if (!seen) explorer.fail("it spins for ever");
      });
  CHECK(report.failure.empty());
}

TEST_CASE("threads in an endless loop are stopped") {
  Atomic<int> word;
  const auto report = explorer.explore(
      0,
      [&] {
        explorer.add_thread("round", 0, [&] {
          for (;;) word.store(1);
        });
      },
      nothing);
  CHECK(report.failure.starts_with("the schedule does not end"));
}
