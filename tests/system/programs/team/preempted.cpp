// Steps in preemptible(), and exceptions, on several loops.
#include <vector>

#include "team.h"

namespace team {
namespace {

struct Urgent {
  std::atomic<bool> over = false;
  std::atomic<int> ran = 0;
  std::atomic<unsigned> computing = 0;
};

Task<> be_urgent(Urgent& urgent) {
  while (!urgent.over) {
    co_await async::sleep_for(100us);
    ++urgent.ran;
  }
}

// Each loop computes in one preemptible step until urgent coroutines have run in between.
Task<> compute(Urgent& urgent) {
  const unsigned hart = async::platform::hart();
  ++urgent.computing;
  preemptible([&] {
    const auto end = now() + 20s;
    while ((urgent.computing < loops || urgent.ran < 200) && now() < end) {
      std::uint64_t a = 1, b = 2;
      for (int i = 0; i < 1000; ++i) a = a * 3 - 2, b = b * 5 - 8;
      check(a == 1 && b == 2, "registers keep their values");
    }
  });
  check(hart == async::platform::hart(), "a preempted step continues on its loop");
  check(urgent.ran >= 200, "urgent coroutines run in the middle of steps");
  check(upcall_counts().preemptions > 0, "each loop's step is preempted");
  co_return;
}

Task<> preempt() {
  Urgent urgent;
  std::vector<async::JoinHandle<void>> urgent_ones, computing;
  for (unsigned i = 0; i < loops; ++i) {
    urgent_ones.push_back(async::spawn(be_urgent(urgent), {.priority = 0, .harts = 1ul << i}));
    computing.push_back(async::spawn(compute(urgent), {.priority = 20, .harts = 1ul << i}));
  }
  for (auto& job : computing) co_await std::move(job);
  urgent.over = true;
  for (auto& job : urgent_ones) co_await std::move(job);
}

// A coroutine on one loop wakes an urgent one of another loop, which computes.
Task<> answer(async::Semaphore& asked, std::atomic<int>& answers) {
  while (answers < 100) {
    (void)co_await asked.acquire("a question");
    ++answers;
  }
}

Task<> ask(async::Semaphore& asked, std::atomic<int>& answers) {
  for (int i = 0; i < 100; ++i) {
    asked.release();
    const auto end = now() + 20s;
    while (answers <= i && now() < end) continue;
    check(answers > i, "a wake from another loop preempts a step: {} of {}", answers.load(), i);
  }
  co_return;
}

Task<> interrupt() {
  async::Semaphore asked{0};
  std::atomic<int> answers = 0;
  std::atomic<bool> over = false;
  auto answering = async::spawn(answer(asked, answers), {.priority = 0, .harts = 1});
  co_await async::sleep_for(1ms);
  auto computing = async::spawn(
      [](std::atomic<bool>& over) -> Task<> {
        preemptible([&] {
          while (!over) continue;
        });
        co_return;
      }(over),
      {.priority = 20, .harts = 1});
  auto asking = async::spawn(ask(asked, answers), {.priority = 20, .harts = 2});
  co_await std::move(asking);
  over = true;
  co_await std::move(computing);
  co_await std::move(answering);
}

// A step that computes in preemptible() gives its loop's ready jobs to another loop.
Task<> give_away() {
  for (int i = 0; i < 50; ++i) {
    std::atomic<bool> ran = false;
    auto other = async::spawn([](std::atomic<bool>& ran) -> Task<> {
      ran = true;
      co_return;
    }(ran));
    preemptible([&] {
      const auto end = now() + 20s;
      while (!ran && now() < end) continue;
    });
    check(ran, "an idle loop takes a job of a loop that computes");
    co_await std::move(other);
  }
}

Task<> fault(Tally& tally) {
  for (int i = 0; i < 20; ++i) {
    volatile int* const nothing = nullptr;
    const auto done = attempt([&] { *nothing = 1; });
    check(!done && done.error().signal == abi::Signal::sigsegv, "an attempt fails");
    tally.count();
    co_await async::yield();
  }
}

Task<> fail_attempts() {
  Tally tally;
  constexpr int most_rounds = 200;  // on a busy host, a loop may take no job in the first rounds
  for (int i = 0; i < most_rounds && (i == 0 || tally.used() < loops); ++i) {
    co_await async::with_scope([&](async::Scope& scope) -> Task<> {
      for (unsigned i = 0; i < 4 * loops; ++i) scope.spawn(fault(tally));
      co_return;
    });
  }
  check(tally.used() == loops, "attempts fail on each loop");
}

}  // namespace

void preempts() {
  on_all(preempt());
}
void interrupts() {
  on_all(interrupt());
}
void gives() {
  on_all(give_away());
}
void faults() {
  on_all(fail_attempts());
}

}  // namespace team
