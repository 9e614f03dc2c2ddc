// What a scenario is made of. It sets up one run: jobs on their harts, what comes from outside, and
// what has to be true at the end; explore() runs every schedule of it up to the bound.
//
//   TEST_CASE("…") {
//     explore({.name = "a wake against idle", .bound = 3}, [](Run& run) {
//       auto& state = run.make<State>();
//       run.spawn(0, sleeper(state), {.name = "sleeper"});
//       run.spawn(1, waker(state), {.name = "waker"});
//       run.at_end([&] { check(state.woken == 1, "woken once"); });
//     });
//   }
//
// Checked in every run, without being asked: no two strand steps at once, no job on two harts at
// once (explore/async_platform.h); in the end every job has ended, every hart idles with nothing
// ready and nothing in its inbox, the strand is free, no job's priority is another than its own.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "async/async.h"

namespace parallel_test {

using async::Task;
using async::WaitResult;
using namespace std::chrono_literals;

struct Scenario {
  const char* name;
  unsigned harts = 2;
  unsigned bound = 2;  // times a hart is left that could go on
  bool has_clock = false;
};

/// In jobs, devices and at the end.
inline void check(bool holds, const char* what) {
  if (!holds) explorer.fail(what);
}

constexpr async::HartMask only(unsigned hart) {
  return static_cast<async::HartMask>(1u << hart);
}

inline Task<> just_yield(unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await async::yield();
}

class Run {
 public:
  /// `task` is ready on `hart` when the harts start.
  async::Job& spawn(unsigned hart, Task<> task, const async::SpawnOptions& options);
  async::Job& spawn_preemptible(unsigned hart, Task<> task,
                                const async::PreemptibleOptions& options);
  /// What happens outside the harts: calls into async/ as an interrupt handler does elsewhere.
  void add_device(const char* name, std::function<void()> body);
  void at_end(std::function<void()> check) { checks_.push_back(std::move(check)); }

  /// Lives as long as the run, in the same place each time.
  template <class State>
  State& make() {
    State* const state = new (allocate(sizeof(State))) State;
    kept_.emplace_back(state, [](State* state) { state->~State(); });
    return *state;
  }

 private:
  friend void explore(const Scenario&, void (*)(Run&));

  void* allocate(std::size_t bytes);

  std::size_t used_ = 0;  // of the memory for states
  std::vector<async::JoinHandle<void>> jobs_;
  std::set<std::string> preemptible_;  // the names of those that have not ended
  std::vector<std::function<void()>> checks_;
  std::vector<std::shared_ptr<void>> kept_;
};

/// Called in a device: raises an interrupt of `hart`, whose handler calls `what` there. The hart
/// takes it between two steps, or at once in the step of a preemptible job. More urgent jobs then
/// preempt that step.
void interrupt(unsigned hart, std::function<void()> what);

/// A point where others may come in, in the midst of a step.
inline void linger(std::source_location where = std::source_location::current()) {
  async::platform::point("linger", where);
}

/// In a step of a preemptible job: computes until `is_over()`, which has no effects. Interrupts
/// are taken meanwhile.
void compute_until(std::function<bool()> is_over,
                   std::source_location where = std::source_location::current());

void explore(const Scenario& scenario, void (*set_up)(Run&));

}  // namespace parallel_test
