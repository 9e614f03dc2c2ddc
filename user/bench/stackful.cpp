// The program of `./cotrap bench stackful`: the same jobs as coroutines and as functions with
// stacks of their own. It marks windows for the plugin cache_misses.c, and prints a line for each,
// in the order of the windows: row, kind, operations. Lines of memory have no window: row, kind,
// jobs, bytes.
#include <user/print.h>

#include <algorithm>
#include <cstddef>

#include "both_kinds.h"
#include "marks.h"

namespace bench {
namespace {

/// How much less free memory the machine has while `jobs` jobs wait, in bytes.
template <class Jobs>
std::size_t memory_of_waiting(int jobs) {
  async::WaitList list;
  const auto before = user::free_memory();
  for (int i = 0; i < jobs; ++i) Jobs::spawn_waits(list).detach();
  async::Executor::run_until_idle();
  const auto after = user::free_memory();
  list.wake_all();
  async::Executor::run_until_idle();
  return before - std::min(before, after);
}

constexpr int switches = 8'000;
constexpr int warm_up = 3;  // rounds

// `jobs` jobs yield in turn.
template <class Jobs>
void switch_among(int jobs) {
  const int rounds = switches / jobs;
  Jobs::spawn_calls(warm_up, mark_begin, rounds, mark_end).detach();
  for (int i = 1; i < jobs; ++i) Jobs::spawn_yields(warm_up + rounds + 1).detach();
  async::Executor::run_until_idle();
  user::println("switch@{}\t{}\t{}", jobs, Jobs::name, rounds * jobs);
}

template <class Jobs>
void spawn() {
  constexpr int jobs = 1'000;
  const auto measure = []() -> async::Task<> {
    co_await spawn_and_join<Jobs>(10);
    mark_begin();
    co_await spawn_and_join<Jobs>(jobs);
    mark_end();
  };
  async::spawn(measure()).detach();
  async::Executor::run_until_idle();
  user::println("spawn\t{}\t{}", Jobs::name, jobs);
}

template <class Jobs>
void measure() {
  constexpr int jobs = 1'000;
  user::println("memory\t{}\t{}\t{}", Jobs::name, jobs, memory_of_waiting<Jobs>(jobs));
  for (const int among : {2, 16, 100, 1'000}) switch_among<Jobs>(among);
  spawn<Jobs>();
}

}  // namespace
}  // namespace bench

int main() {
  async::Executor executor;
  bench::measure<bench::Stackless>();
  bench::measure<bench::Stackful>();
}
