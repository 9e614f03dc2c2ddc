// Time slices and budgets of a scheduling policy preempt steps of preemptible coroutines.
#include <async/policy/kinds.h>

#include "upcalls.h"

namespace upcalls {
namespace {

// Each of two steps computes until the other one has made progress `turns` times. Neither calls the
// kernel or awaits, so only the end of a slice or a budget lets the other one run.
constexpr int turns = 10;

Task<> take_turns(std::atomic<int>& mine, const std::atomic<int>& others) {
  preemptible([&] {
    const auto end = now() + 20s;
    for (int turn = 1; turn <= turns && now() < end; ++turn) {
      mine = turn;
      while (others < turn && now() < end) {
      }
    }
  });
  check(others >= turns, "the other coroutine runs in the middle of the step");
  co_return;
}

Task<> alternate(const async::Attributes& attributes) {
  std::atomic<int> a = 0, b = 0;
  auto one = async::spawn(take_turns(a, b), {.name = "one"}, attributes);
  auto other = async::spawn(take_turns(b, a), {.name = "other"});
  co_await std::move(one);
  co_await std::move(other);
  check(upcall_counts().preemptions >= turns, "the steps are preempted");
}

void slices() {
  for (const char* const name : {"eevdf", "lottery", "mlfq", "stride"}) {
    run(alternate({}), {.policy = async::policy::find(name)});
  }
}

// A budget of `one` ends long before its step does. Then `other`, which has no reservation, runs
// until the next period of `one`.
void budgets() {
  run(alternate({.budget = 500us, .period = 2ms}), {.policy = async::policy::find("edf")});
}

// A coroutine that has waited for pages gets its share of the time afterwards.
Task<> make_steps(int& mine, const int& others, const char* name) {
  constexpr int steps = 200;
  for (int i = 0; i < steps; ++i) {
    ++mine;
    for (volatile int n = 0; n < 2000;) n = n + 1;
    co_await async::yield();
  }
  check(others >= steps / 4, "{}: {} steps beside {}", name, others, steps);
}

Task<> share_after_pages(Disk disk, const char* name) {
  int paging = 0, computing = 0;
  auto one = async::spawn([](Disk disk, int& mine, const int& others, const char* name) -> Task<> {
    for (std::size_t page = 0; page < disk_pages; ++page) check_page(disk, page);
    co_await make_steps(mine, others, name);
  }(disk, paging, computing, name));
  auto other = async::spawn([](int& mine, const int& paging, const char* name) -> Task<> {
    while (paging == 0) {
      for (volatile int n = 0; n < 2000;) n = n + 1;
      co_await async::yield();
    }
    co_await make_steps(mine, paging, name);
  }(computing, paging, name));
  co_await std::move(one);
  co_await std::move(other);
}

void pages_and_policies() {
  for (const char* const name : {"eevdf", "stride"}) {
    const Disk disk = map_disk();
    run(share_after_pages(disk, name), {.policy = async::policy::find(name)});
  }
}

Task<> spin_until(const std::atomic<bool>& over) {
  preemptible([&] {
    while (!over) {
    }
  });
  co_return;
}

// On a machine that counts time in instructions: `one` computes for its budget in each period.
Task<> keep_to_budget() {
  std::atomic<bool> over = false;
  auto one = async::spawn(spin_until(over), {.name = "one"}, {.budget = 1ms, .period = 10ms});
  auto other = async::spawn(spin_until(over), {.name = "other"});
  auto end = async::spawn(
      [](std::atomic<bool>& over) -> Task<> {
        co_await async::sleep_for(200ms);
        over = true;
      }(over),
      {.name = "end"}, {.budget = 1ms, .period = 10ms});
  co_await std::move(end);
  co_await std::move(one);
  co_await std::move(other);
  // Two preemptions in each of the 20 periods: at the end of the budget and at the next period.
  const auto preemptions = upcall_counts().preemptions;
  check(preemptions >= 36 && preemptions <= 44, "{} preemptions in 20 periods", preemptions);
}

void keeps_to_budget() {
  run(keep_to_budget(), {.policy = async::policy::find("edf")});
}

}  // namespace

std::span<const Part> policies() {
  static constexpr Part parts[] = {
      {"slices", slices},
      {"budgets", budgets},
      {"pages-and-policies", pages_and_policies},
      {"keeps-to-budget", keeps_to_budget},
  };
  return parts;
}

}  // namespace upcalls
