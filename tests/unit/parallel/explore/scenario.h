// Scenarios. A scenario sets up one run: jobs on their harts, devices, and checks at the end.
// explore() runs every schedule of it up to the bound. The test program chooses the memory:
// unit.interleavings is sequentially consistent, unit.weak_memory has C++'s weak memory.
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
// Every run also checks these rules. No two strand steps run at once, and no job runs on two harts
// at once (explore/async_platform.h). No step is in the strand while a hart shares it. At the end
// every job has ended and has its base priority. Every hart is idle with an empty run queue and an
// empty inbox, and the strand is free.
//
// The explorer does not try all orders of accesses that it does not know (explorer.h). So state
// that harts use outside the strand is an Atomic or a Plain, or linger() comes before its use.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdint>
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
  unsigned bound = 2;             // the most preemptions
  Explorer::Bound weak = {1, 1};  // the same with weak memory, and the most reorderings
  bool has_clock = false;
  bool shares = false;  // the harts may share the strand
};

/// Fails the run unless `holds`. Called in jobs, in devices, and at the end.
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
  /// Adds a thread outside the harts, which calls async/ as an interrupt handler does.
  void add_device(const char* name, std::function<void()> body);
  void at_end(std::function<void()> check) { checks_.push_back(std::move(check)); }

  /// Makes an object that lives as long as the run, at the same address in each run.
  template <class State>
  State& make() {
    State* const state = new (allocate(sizeof(State))) State;
    kept_.emplace_back(state, [](State* state) { state->~State(); });
    return *state;
  }

 private:
  friend Explorer::Report run_schedules(const Scenario&, void (*)(Run&));

  void* allocate(std::size_t bytes);

  std::size_t used_ = 0;  // bytes in use of the memory for states
  std::vector<async::JoinHandle<void>> jobs_;
  std::set<std::string> preemptible_;  // names of the jobs that have not ended
  std::vector<std::function<void()>> checks_;
  std::vector<std::shared_ptr<void>> kept_;
};

/// Called in a device: raises an interrupt of `hart`, whose handler calls `what` there. The hart
/// takes it between two steps, or at once in the step of a preemptible job. More urgent jobs then
/// preempt that step.
void interrupt(unsigned hart, std::function<void()> what);

/// A point in the middle of a step, where the explorer may switch.
inline void linger(std::source_location where = std::source_location::current()) {
  async::platform::point("linger", where);
}

/// In a step of a preemptible job: computes until `is_over()`, which has no effects. Interrupts
/// are taken meanwhile.
void compute_until(std::function<bool()> is_over,
                   std::source_location where = std::source_location::current());

void explore(const Scenario& scenario, void (*set_up)(Run&));

/// Explores a scenario with a seeded bug, until a schedule fails. Returns the failure's message and
/// trace. The test fails if no schedule fails.
std::string find_failure(const Scenario& scenario, void (*set_up)(Run&));

/// Whether `data` is part of a run's state, an executor, or a chunk.
inline bool is_checked(const void* data) {
  const auto is_in = [data](const auto& object) {
    return reinterpret_cast<std::uintptr_t>(data) - reinterpret_cast<std::uintptr_t>(&object) <
           sizeof object;
  };
  return is_in(async::platform::memory);
}

/// The bound of this test program for the scenario (explore/sequential.cpp, explore/weak.cpp).
Explorer::Bound bound_of(const Scenario& scenario);

/// AddressSanitizer makes a schedule many times as slow. In its build unit.interleavings explores
/// one preemption less, and so does unit.weak_memory in scenarios that take long
/// (explore/weak.cpp).
#if __has_feature(address_sanitizer)
inline constexpr unsigned fewer = 1;
#else
inline constexpr unsigned fewer = 0;
#endif

}  // namespace parallel_test
