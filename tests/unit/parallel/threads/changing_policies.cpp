// The policy changes while jobs outside the strand wait, wake, yield and end on other harts.
#include <async/policy/kinds.h>

#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "harts.h"

using namespace std::chrono_literals;
using async::Task;
using parallel_test::hart_count;

namespace {

constexpr int changes = 300;

/// A hart's two jobs outside the strand: one wakes the other as an interrupt handler does.
struct Pair {
  explicit Pair(unsigned hart) : interrupt{hart} {}

  async::Interrupt interrupt;
  std::atomic<std::uint64_t> woken = 0;
  bool has_ended = false;
};

/// The state that all jobs share.
struct SharedState {
  std::array<std::optional<Pair>, hart_count> pairs;
  std::atomic<bool> stopping = false;
  std::atomic<unsigned> left = hart_count;
  async::Job* main = nullptr;
};

Task<> be_woken(SharedState& shared, Pair& pair) {
  while (!shared.stopping.load(std::memory_order_relaxed)) {
    co_await pair.interrupt.wait();
    pair.woken.fetch_add(1, std::memory_order_relaxed);
  }
  pair.has_ended = true;
}

Task<> nothing() {
  co_return;
}

Task<> wake(SharedState& shared, Pair& pair) {
  for (unsigned round = 0; !pair.has_ended; ++round) {
    {
      async::platform::InterruptGuard masked;
      pair.interrupt.raise();
      pair.interrupt.deliver_here();
    }
    if (round % 16 == 0) async::spawn_preemptible(nothing(), {.name = "nothing", .priority = 20});
    co_await async::yield();
  }
  if (shared.left.fetch_sub(1) == 1) async::Executor::unpark(*shared.main);
}

/// For each hart the memory of the policy in use, and that of the next one.
using Memories = std::array<std::array<async::policy::Memory, 2>, hart_count>;

void change(Memories& memories, const async::policy::Kind& kind) {
  for (unsigned hart = 0; hart < hart_count; ++hart) {
    async::Executor& executor = *async::Executor::of(hart);
    auto& [first, second] = memories[hart];
    const bool is_first = executor.policy() == static_cast<void*>(first.bytes);
    void* const free = is_first ? second.bytes : first.bytes;
    executor.change_policy(kind.make(free, {.hart = hart, .seed = hart + 1}));
  }
}

Task<> change_often(SharedState& shared, Memories& memories) {
  shared.main = &async::current_job();
  std::vector<const async::policy::Kind*> kinds;
  for (const auto& kind : async::policy::kinds()) kinds.push_back(&kind);
  for (int i = 0; i < changes; ++i) {
    change(memories, *kinds[i % kinds.size()]);
    co_await async::sleep_for(100us);
  }
  for (const auto& pair : shared.pairs) {  // on a busy host some harts may not have run yet
    while (pair->woken.load(std::memory_order_relaxed) == 0) co_await async::sleep_for(1ms);
  }
  change(memories, *async::policy::find("priority"));
  shared.stopping.store(true);
  while (shared.left.load() != 0) (void)co_await async::park("the others' end");
}

}  // namespace

TEST_CASE("the policy can change while other harts run preemptible jobs") {
  SharedState shared;
  static Memories memories;
  const auto begin = [&](unsigned hart) {
    Pair& pair = shared.pairs[hart].emplace(hart);
    async::spawn_preemptible(be_woken(shared, pair), {.name = "woken", .priority = 20});
    async::spawn_preemptible(wake(shared, pair), {.name = "waker", .priority = 20});
  };
  parallel_test::run_harts(600s, begin, [&] { return change_often(shared, memories); });
  for (const auto& pair : shared.pairs) CHECK(pair->woken.load() > 0);
}
