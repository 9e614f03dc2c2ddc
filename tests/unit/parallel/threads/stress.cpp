// Uses everything at once on four harts that are threads, for a few seconds: spawn, join, yield,
// mutex, channel, timers, cancellation, park, interrupts, affinity, priorities, leaving the strand,
// and sharing it.
// The jobs share plain data, so ThreadSanitizer reports if the strand, park() or Interrupt fail to
// order accesses. Counters show whether a wake or a message was lost.
#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "async/leaf_lock.h"
#include "harts.h"

using namespace std::chrono_literals;
using async::Task;
using async::WaitResult;

namespace {

using parallel_test::hart_count;

constexpr auto duration = 3s;

/// State shared by all jobs. Plain members belong to the strand.
struct Shared {
  bool stopping = false;
  std::minstd_rand random{1};
  std::uint64_t steps = 0;

  async::Mutex mutex;
  unsigned inside = 0;

  async::Channel<std::uint64_t, 4> channel;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;

  // A queue for jobs that share the strand. The lock protects the other three.
  async::LeafLock items_lock;
  async::WaitList takers;
  std::uint64_t items = 0;
  std::uint64_t items_taken = 0;

  async::WaitList list;
  std::uint64_t granted = 0;
  std::uint64_t woken = 0;

  std::vector<async::Job*> movable;  // jobs that live until the end
  async::Job* parked = nullptr;
  // Written outside the strand for the parked job, which acknowledges through `read`.
  std::uint64_t letter = 0;
  std::atomic<std::uint64_t> read = 0;
  std::atomic<bool> outside_may_stop = false;

  unsigned below(unsigned limit) { return random() % limit; }
};

async::HartMask some_harts(Shared& shared) {
  return static_cast<async::HartMask>(1 + shared.below((1u << hart_count) - 1));
}

Task<> yielder(Shared& shared) {
  while (!shared.stopping) {
    ++shared.steps;
    co_await async::yield();
  }
}

/// Models a thread whose program runs: outside the strand for a while.
Task<> user(Shared& shared) {
  while (!shared.stopping) {
    ++shared.steps;
    async::Strand::leave();
    for (int i = 0; i < 100; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    async::Strand::enter();
    ++shared.steps;
    if (shared.below(2) == 0) {
      co_await async::yield();
    } else {
      co_await async::yield_if_preempted();
    }
  }
}

bool try_take(Shared& shared) {
  const async::LeafLock::Guard lock{shared.items_lock};
  if (shared.items == 0) return false;
  --shared.items;
  ++shared.items_taken;
  return true;
}

struct WaitForItem {
  Shared& shared;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> taker) const {
    async::Job& job = async::current_job();
    const async::LeafLock::Guard lock{shared.items_lock};
    if (shared.items > 0 || shared.stopping || job.is_stopped()) return false;
    job.prepare(&shared.takers, "item");
    shared.takers.insert(job);
    job.share_next_step();
    job.suspend(taker);
    return true;
  }
  void await_resume() const {}
};

/// Models a thread that reads from a pipe: takes items, and waits for them, while it shares the
/// strand.
Task<> taker(Shared& shared) {
  while (!shared.stopping) {
    async::Strand::leave();
    async::Strand::Sharing sharing;
    if (!try_take(shared)) {
      sharing.keep();
      co_await WaitForItem{shared};
      (void)try_take(shared);
      async::Strand::stop_sharing();
      continue;
    }
    sharing.keep();
    async::Strand::stop_sharing();
    co_await async::yield();
  }
}

/// Models a thread that writes to a pipe. Its steps in the strand change data that it reads while
/// it shares the strand.
Task<> putter(Shared& shared) {
  while (!shared.stopping) {
    async::Strand::leave();
    {
      const async::Strand::Sharing sharing;
      const std::uint64_t steps = shared.steps;
      async::Job* woken = nullptr;
      {
        const async::LeafLock::Guard lock{shared.items_lock};
        ++shared.items;
        if (!shared.takers.empty()) woken = shared.takers.take_first();
      }
      if (woken != nullptr) woken->complete_sharing();
      if (shared.steps != steps) async::platform::fail("a step ran in the strand");
    }
    async::Strand::enter();
    ++shared.steps;
    co_await async::yield();
  }
}

Task<> locker(Shared& shared) {
  while (!shared.stopping) {
    const auto guard = co_await shared.mutex.lock();
    if (++shared.inside != 1) async::platform::fail("two hold the mutex");
    co_await async::yield();
    --shared.inside;
  }
}

Task<> sender(Shared& shared) {
  while (!shared.stopping) {
    if (co_await shared.channel.send(1) == WaitResult::woken) ++shared.sent;
  }
}

Task<> receiver(Shared& shared) {
  while (const auto value = co_await shared.channel.receive()) shared.received += *value;
}

Task<> sleeper(Shared& shared) {
  while (!shared.stopping) {
    co_await async::sleep_for(std::chrono::microseconds(shared.below(300)));
    const auto result = co_await shared.list.wait_until(
        async::now() + std::chrono::microseconds(shared.below(300)), "a turn");
    if (result == WaitResult::woken) ++shared.woken;
  }
}

Task<> waker(Shared& shared) {
  while (!shared.stopping) {
    if (shared.list.wake_one()) ++shared.granted;
    co_await async::yield();
  }
}

Task<> anything(Shared& shared) {
  switch (shared.below(4)) {
    case 0: (void)co_await async::park("nothing"); break;
    case 1: co_await async::sleep_for(1h); break;
    case 2: (void)co_await shared.mutex.lock_or_cancel(); break;
    case 3: co_await async::yield(); break;
  }
}

Task<> canceller(Shared& shared) {
  while (!shared.stopping) {
    auto victim = async::spawn(anything(shared), {.name = "victim"});
    for (unsigned i = shared.below(4); i > 0; --i) co_await async::yield();
    victim.cancel();
    co_await std::move(victim);
    (void)co_await async::with_deadline(async::now() + 50us, anything(shared));
    async::spawn(anything(shared), {.name = "alone", .harts = some_harts(shared)}).job().cancel();
  }
}

/// Changes the harts and priorities of other jobs. It sleeps, and is more urgent than all of them,
/// so that none starves for long.
Task<> mover(Shared& shared) {
  while (!shared.stopping) {
    async::Job& job = *shared.movable[shared.below(static_cast<unsigned>(shared.movable.size()))];
    if (shared.below(2) == 0) {
      async::current_executor().set_harts(job, some_harts(shared));
    } else {
      async::current_executor().set_priority(job, 16 + shared.below(3));
    }
    co_await async::sleep_for(20us);
  }
  for (async::Job* const job : shared.movable) {
    async::current_executor().set_harts(*job, async::all_harts);
  }
}

/// Reads the letter that was written before its wake.
Task<> reader(Shared& shared) {
  for (std::uint64_t expected = 1; !shared.stopping; ++expected) {
    if (co_await async::park("a letter") != WaitResult::woken) break;
    if (shared.letter != expected) async::platform::fail("a letter is lost");
    shared.read.store(expected, std::memory_order_release);
  }
  shared.outside_may_stop.store(true);
}

void write_letters(Shared& shared) {
  for (std::uint64_t number = 1; !shared.outside_may_stop.load(); ++number) {
    shared.letter = number;
    async::Executor::unpark(*shared.parked);
    while (shared.read.load(std::memory_order_acquire) != number) {
      if (shared.outside_may_stop.load()) return;
      std::this_thread::yield();
    }
  }
}

/// A driver outside the strand, one per hart, and the job that uses it.
struct Driver {
  explicit Driver(unsigned hart) : interrupt(hart) {}

  async::Interrupt interrupt;
  async::Job* asker = nullptr;
  std::uint64_t request = 0;  // owned alternately by the asker and the driver
  std::atomic<std::uint64_t> answer = 0;
};

constexpr std::uint64_t last_request = UINT64_MAX;

Task<> serve(Driver& driver) {
  for (;;) {
    co_await driver.interrupt.wait();
    const std::uint64_t request = driver.request;
    driver.answer.store(request, std::memory_order_release);
    async::Executor::unpark(*driver.asker);
    if (request == last_request) co_return;
  }
}

Task<> ask(Shared& shared, Driver& driver) {
  async::Shield shield;
  for (std::uint64_t request = 1;; ++request) {
    if (shared.stopping) request = last_request;
    driver.request = request;
    driver.interrupt.raise();
    while (driver.answer.load(std::memory_order_acquire) != request) {
      co_await async::park("an answer");
    }
    if (request == last_request) co_return;
  }
}

Task<> everything(Shared& shared, std::array<std::optional<Driver>, hart_count>& drivers) {
  std::vector<async::JoinHandle<void>> handles;
  const auto start = [&](Task<> task, const char* name) -> async::Job& {
    async::Job& job = handles.emplace_back(async::spawn(std::move(task), {.name = name})).job();
    shared.movable.push_back(&job);
    return job;
  };
  for (int i = 0; i < 3; ++i) start(yielder(shared), "yielder");
  for (int i = 0; i < 3; ++i) start(user(shared), "user");
  for (int i = 0; i < 3; ++i) start(taker(shared), "taker");
  for (int i = 0; i < 2; ++i) start(putter(shared), "putter");
  for (int i = 0; i < 4; ++i) start(locker(shared), "locker");
  for (int i = 0; i < 2; ++i) start(sender(shared), "sender");
  for (int i = 0; i < 2; ++i) start(receiver(shared), "receiver");
  for (int i = 0; i < 4; ++i) start(sleeper(shared), "sleeper");
  start(waker(shared), "waker");
  for (int i = 0; i < 2; ++i) start(canceller(shared), "canceller");
  shared.parked = &start(reader(shared), "reader");
  for (auto& driver : drivers) driver->asker = &start(ask(shared, *driver), "asker");
  auto moving = async::spawn(mover(shared), {.name = "mover", .priority = 5});
  std::thread writer([&] { write_letters(shared); });

  co_await async::sleep_for(duration);
  // On a busy host some jobs may not have run yet.
  const auto some_wait = [&] {
    return shared.read.load() == 0 || shared.items_taken == 0 || parallel_test::migrations() == 0;
  };
  while (some_wait()) co_await async::sleep_for(1ms);
  shared.stopping = true;
  shared.channel.close();
  shared.parked->cancel();
  shared.list.wake_all();
  shared.takers.wake_all();
  co_await std::move(moving);
  for (auto& handle : handles) co_await std::move(handle);
  writer.join();
}

}  // namespace

TEST_CASE("four harts share jobs, timers and wakes and lose none") {
  Shared shared;
  std::array<std::optional<Driver>, hart_count> drivers;
  const auto begin = [&](unsigned hart) {
    async::spawn_preemptible(serve(drivers[hart].emplace(hart)), {.name = "driver", .priority = 0});
  };
  parallel_test::run_harts(600s, begin, [&] { return everything(shared, drivers); });

  std::printf("%llu steps, %llu migrations, %llu sent, %llu letters\n",
              static_cast<unsigned long long>(shared.steps),
              static_cast<unsigned long long>(parallel_test::migrations()),
              static_cast<unsigned long long>(shared.sent),
              static_cast<unsigned long long>(shared.read.load()));
  CHECK(shared.steps > 0);
  CHECK(parallel_test::migrations() > 0);
  CHECK(shared.sent == shared.received);
  CHECK(shared.items_taken > 0);
  CHECK(shared.granted <= shared.woken);
  CHECK(shared.read.load() > 0);
}
