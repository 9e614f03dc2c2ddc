#include <array>

#include "support.h"

using namespace async_test;

namespace {

/// Takes the mutex, logs that `who` has it, waits for `go`, and releases the mutex at its end.
Task<> hold(async::Mutex& mutex, async::Event& go, Log& log, std::string who) {
  auto guard = co_await mutex.lock();
  log.push_back(who + " has it");
  co_await go.wait();
}

}  // namespace

TEST_CASE_METHOD(Fixture, "one job holds a mutex, and unlock hands it to the most urgent waiter") {
  async::Mutex mutex;
  async::Event go;
  Log log;
  async::spawn(hold(mutex, go, log, "first"), {.priority = 5}).detach();
  run();
  async::spawn(hold(mutex, go, log, "low"), {.priority = 20}).detach();
  async::spawn(hold(mutex, go, log, "high"), {.priority = 2}).detach();
  async::spawn(hold(mutex, go, log, "low too"), {.priority = 20}).detach();
  run();
  CHECK(log == Log{"first has it"});
  CHECK_FALSE(mutex.try_lock());  // held: it fails before it uses the current job
  go.set();
  run();
  CHECK(log == Log{"first has it", "high has it", "low has it", "low too has it"});
  CHECK(mutex.owner() == nullptr);
}

TEST_CASE_METHOD(Fixture, "unlock does not run the next holder") {
  async::Mutex mutex;
  Log log;
  async::Event go;
  auto owner = [&]() -> Task<> {
    auto guard = co_await mutex.lock();
    co_await async::yield();
    guard.unlock();
    log.push_back("after unlock");
    CHECK_FALSE(mutex.try_lock());  // the other job owns it already
  };
  go.set();
  async::spawn(owner()).detach();
  async::spawn(hold(mutex, go, log, "next")).detach();
  run();
  CHECK(log == Log{"after unlock", "next has it"});
}

TEST_CASE_METHOD(Fixture,
                 "the holder runs with its most urgent waiter's priority until it unlocks") {
  async::Mutex mutex;
  async::Event go;
  Log log;
  auto owner = async::spawn(hold(mutex, go, log, "owner"), {.priority = 20});
  run();
  CHECK(owner.job().priority == 20);
  auto medium = async::spawn(hold(mutex, go, log, "medium"), {.priority = 10});
  run();
  CHECK(owner.job().priority == 10);
  auto high = async::spawn(hold(mutex, go, log, "high"), {.priority = 1});
  run();
  CHECK(owner.job().priority == 1);
  CHECK(owner.job().base_priority() == 20);
  go.set();
  executor.run_one();  // the owner runs first, and unlocks
  CHECK(owner.job().priority == 20);
  run();
}

TEST_CASE_METHOD(Fixture, "jobs of middle priority do not delay an urgent waiter") {
  async::Mutex mutex;
  Log log;
  auto low = [&]() -> Task<> {
    auto guard = co_await mutex.lock();
    for (int i = 0; i < 3; ++i) {
      log.push_back("low");
      co_await async::yield();
    }
  };
  auto middle = [&]() -> Task<> {
    for (int i = 0; i < 3; ++i) {
      log.push_back("middle");
      co_await async::yield();
    }
  };
  auto high = [&]() -> Task<> {
    auto guard = co_await mutex.lock();
    log.push_back("high");
  };
  async::spawn(low(), {.priority = 20}).detach();
  executor.run_one();
  async::spawn(middle(), {.priority = 10}).detach();
  async::spawn(high(), {.priority = 5}).detach();
  run();
  CHECK(log == Log{"low", "low", "low", "high", "middle", "middle", "middle"});
}

TEST_CASE_METHOD(Fixture,
                 "a chain of holders inherits a priority, and loses it when the waiter gives up") {
  async::Mutex first;
  async::Mutex second;
  async::Event go;
  Log log;
  auto a = async::spawn(hold(first, go, log, "a"), {.priority = 30});
  run();
  auto both = [&]() -> Task<> {
    auto outer = co_await second.lock();
    auto inner = co_await first.lock();
    co_await go.wait();
  };
  auto b = async::spawn(both(), {.priority = 25});
  run();
  CHECK(a.job().priority == 25);
  auto urgent = [&]() -> Task<> {
    auto guard = co_await second.lock_or_cancel();
    log.push_back(guard ? "locked" : "gave up");
  };
  auto c = async::spawn(urgent(), {.priority = 3});
  run();
  CHECK(b.job().priority == 3);
  CHECK(a.job().priority == 3);
  c.cancel();
  run();
  CHECK(log.back() == "gave up");
  CHECK(b.job().priority == 25);
  CHECK(a.job().priority == 25);
  executor.set_priority(b.job(), 8);
  CHECK(a.job().priority == 8);
  go.set();
  run();
  CHECK(a.done());
  CHECK(b.done());
}

TEST_CASE_METHOD(Fixture, "inheritance works over a chain of any length") {
  constexpr std::size_t length = 6;
  std::array<async::Mutex, length> mutexes;
  async::Event go;
  auto hold_and_wait = [&](std::size_t at) -> Task<> {
    auto own = co_await mutexes[at].lock();
    if (at == 0) {
      co_await go.wait();
    } else {
      auto next = co_await mutexes[at - 1].lock();
    }
  };
  std::vector<async::JoinHandle<void>> owners;
  for (std::size_t at = 0; at < length; ++at) {
    owners.push_back(async::spawn(hold_and_wait(at), {.priority = 20}));
    run();
  }
  auto urgent = [&]() -> Task<> { auto guard = co_await mutexes.back().lock(); };
  auto waiter = async::spawn(urgent(), {.priority = 1});
  run();
  for (auto& owner : owners) CHECK(owner.job().priority == 1);
  go.set();
  run();
  CHECK(waiter.done());
}

TEST_CASE_METHOD(Fixture,
                 "each of many holders inherits only from the waiters of its own mutexes") {
  constexpr int owners = 5, each = 4;
  async::Mutex mutexes[owners][each];
  async::Event go[owners][each];
  Log log;
  auto owns = [&](int owner) -> Task<> {
    async::Mutex::Guard guards[each];
    for (int i = 0; i < each; ++i) guards[i] = co_await mutexes[owner][i].lock();
    // Among the owner's entries of the list, which it may share with other owners (job_page.h),
    // unlinks one in the middle, then the first, the last and the only one.
    for (const int i : {1, 3, 0, 2}) {
      co_await go[owner][i].wait();
      guards[i].unlock();
      co_await async::yield();
    }
  };
  auto waits = [](async::Mutex& mutex) -> Task<> { auto guard = co_await mutex.lock(); };
  std::vector<async::JoinHandle<void>> jobs;
  for (int owner = 0; owner < owners; ++owner) {
    jobs.push_back(async::spawn(owns(owner), {.priority = 31}));
  }
  run();
  for (int i = 0; i < each; ++i) {
    for (int owner = 0; owner < owners; ++owner) {
      const auto priority = static_cast<std::uint8_t>(i * owners + owner);
      async::spawn(waits(mutexes[owner][i]), {.priority = priority}).detach();
    }
  }
  run();
  for (int owner = 0; owner < owners; ++owner) {
    INFO("owner " << owner);
    const async::Job& job = jobs[owner].job();
    CHECK(job.priority == owner);
    go[owner][1].set();
    run();
    CHECK(job.priority == owner);
    go[owner][3].set();
    run();
    CHECK(job.priority == owner);
    go[owner][0].set();
    run();
    CHECK(job.priority == 2 * owners + owner);
    for (int other = owner + 1; other < owners; ++other) {
      CHECK(jobs[other].job().priority == other);
    }
    go[owner][2].set();
    run();
    CHECK(job.done());
  }
}

TEST_CASE_METHOD(Fixture,
                 "a holder that unlocks one mutex still inherits from waiters of its others") {
  async::Mutex first;
  async::Mutex second;
  async::Event go;
  async::Event release_first;
  Log log;
  auto owner_of_both = [&]() -> Task<> {
    auto a = co_await first.lock();
    auto b = co_await second.lock();
    co_await release_first.wait();
    a.unlock();
    co_await go.wait();
  };
  auto owner = async::spawn(owner_of_both(), {.priority = 20});
  run();
  async::spawn(hold(first, go, log, "x"), {.priority = 4}).detach();
  async::spawn(hold(second, go, log, "y"), {.priority = 9}).detach();
  run();
  CHECK(owner.job().priority == 4);
  release_first.set();
  run();
  CHECK(owner.job().priority == 9);
  go.set();
  run();
}

TEST_CASE_METHOD(Fixture, "a cancellation ends lock_or_cancel but not lock") {
  async::Mutex mutex;
  async::Event go;
  Log log;
  async::spawn(hold(mutex, go, log, "owner")).detach();
  run();
  auto firm = [&]() -> Task<> {
    auto guard = co_await mutex.lock();
    log.push_back(guard ? "firm has it" : "firm was cut short");
    CHECK(async::is_cancelled());
    CHECK(co_await async::sleep_for(1ns) == WaitResult::cancelled);
  };
  auto soft = [&]() -> Task<> {
    auto guard = co_await mutex.lock_or_cancel();
    log.push_back(guard ? "soft has it" : "soft was cut short");
  };
  auto a = async::spawn(firm());
  auto b = async::spawn(soft());
  run();
  a.cancel();
  b.cancel();
  run();
  CHECK(log == Log{"owner has it", "soft was cut short"});
  go.set();
  run();
  CHECK(log.back() == "firm has it");
}

TEST_CASE_METHOD(
    Fixture,
    "inheritance stops after one round of a deadlock, and a cancellation ends the deadlock") {
  async::Mutex first;
  async::Mutex second;
  auto both = [](async::Mutex& one, async::Mutex& other) -> Task<> {
    auto held = co_await one.lock();
    co_await async::yield();
    auto wanted = co_await other.lock_or_cancel();
  };
  auto a = async::spawn(both(first, second), {.priority = 20});
  auto b = async::spawn(both(second, first), {.priority = 20});
  run();
  CHECK_FALSE(a.done());
  CHECK_FALSE(b.done());
  executor.set_priority(a.job(), 7);
  CHECK(b.job().priority == 7);
  CHECK(a.job().priority == 7);
  a.cancel();
  run();
  CHECK(a.done());
  CHECK(b.done());
}

TEST_CASE_METHOD(
    Fixture,
    "10,000 random locks of 5 mutexes by 20 jobs exclude each other and leave base priorities") {
  async::Mutex mutexes[5];
  int inside[5] = {};
  bool excluded = true;
  std::uint32_t random = 1;
  auto next = [&](unsigned below) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % below;
  };
  auto body = [&]() -> Task<> {
    for (int i = 0; i < 500; ++i) {
      unsigned low = next(5);
      unsigned high = next(5);
      if (low > high) std::swap(low, high);
      auto outer = co_await mutexes[low].lock();
      excluded &= inside[low]++ == 0;
      if (next(2)) co_await async::yield();
      if (low != high) {
        auto inner = co_await mutexes[high].lock();
        excluded &= inside[high]++ == 0;
        if (next(3) == 0) co_await async::yield();
        --inside[high];
      }
      --inside[low];
    }
    CHECK(async::current_job().priority == async::current_job().base_priority());
  };
  for (std::uint8_t i = 0; i < 20; ++i) async::spawn(body(), {.priority = i}).detach();
  run();
  CHECK(excluded);
}

TEST_CASE_METHOD(Fixture, "a holder of many mutexes has the priority of its most urgent waiter") {
  constexpr unsigned owners = 4, each = 8;
  std::array<async::Mutex, owners * each> mutexes;
  async::Event end;
  std::uint32_t random = 7;
  auto next = [&](unsigned below) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % below;
  };
  auto priority = [&] { return static_cast<std::uint8_t>(next(4) == 0 ? next(32) : 10 + next(3)); };
  auto wait_for_end = [](async::Event& end) -> Task<> { co_await end.wait(); };
  auto own = [](async::Mutex& mutex, async::Event& end) -> Task<> {
    auto guard = co_await mutex.lock_or_cancel();
    if (!guard) co_return;
    guard.release();
    co_await end.wait();
  };
  struct Waiter {
    async::JoinHandle<void> handle;
    async::Mutex* mutex;
    bool has_owned = false;  // it owns the mutex, or has passed it on
  };
  std::vector<async::JoinHandle<void>> holders;
  std::vector<Waiter> waiters;
  auto is_waiting = [](const Waiter& waiter) { return !waiter.handle.done() && !waiter.has_owned; };
  auto expected = [&](const async::Job& holder) {
    std::uint8_t highest = holder.base_priority();
    for (const Waiter& waiter : waiters) {
      if (!is_waiting(waiter) || waiter.mutex->owner() != &holder) continue;
      highest = std::min(highest, waiter.handle.job().base_priority());
    }
    return highest;
  };
  for (unsigned i = 0; i < owners; ++i) {
    holders.push_back(async::spawn(wait_for_end(end), {.priority = 31}));
    for (unsigned j = 0; j < each; ++j) mutexes[i * each + j].set_owner(&holders[i].job());
  }
  for (int step = 0; step < 500; ++step) {
    async::Mutex& mutex = mutexes[next(mutexes.size())];
    Waiter* const waiter = waiters.empty() ? nullptr : &waiters[next(waiters.size())];
    switch (next(8)) {
      case 0:
      case 1:
      case 2:
      case 3:
        waiters.push_back({async::spawn(own(mutex, end), {.priority = priority()}), &mutex});
        break;
      case 4:
        if (mutex.is_awaited()) mutex.pass_on();
        break;
      case 5: executor.set_priority(holders[next(owners)].job(), 20 + next(12)); break;
      case 6:
        if (waiter != nullptr && !waiter->handle.done()) {
          executor.set_priority(waiter->handle.job(), priority());
        }
        break;
      case 7:
        if (waiter != nullptr && is_waiting(*waiter)) waiter->handle.cancel();
        break;
    }
    run();
    for (Waiter& waiter : waiters) {
      if (is_waiting(waiter)) waiter.has_owned = waiter.mutex->owner() == &waiter.handle.job();
    }
    for (const auto& holder : holders) REQUIRE(holder.job().priority == expected(holder.job()));
    for (const Waiter& waiter : waiters) {
      if (waiter.handle.done()) continue;
      REQUIRE(waiter.handle.job().priority == expected(waiter.handle.job()));
    }
  }
  for (async::Mutex& mutex : mutexes) {
    while (mutex.is_awaited()) {
      mutex.pass_on();
      run();
    }
    mutex.set_owner(nullptr);
  }
  end.set();
  run();
}

TEST_CASE_METHOD(Fixture, "set_owner and pass_on apply inheritance like lock and unlock") {
  async::Mutex mutex;
  async::Event go;
  auto compute = [&]() -> Task<> { co_await go.wait(); };
  auto take = [&]() -> Task<> {
    auto guard = co_await mutex.lock_or_cancel();
    CHECK(guard);
    guard.release();
    CHECK(mutex.owner() == &async::current_job());
    co_await go.wait();
  };
  auto holder = async::spawn(compute(), {.priority = 20});
  run();
  mutex.set_owner(&holder.job());
  auto first = async::spawn(take(), {.priority = 5});
  auto second = async::spawn(take(), {.priority = 10});
  run();
  CHECK(holder.job().priority == 5);
  CHECK(mutex.is_awaited());
  mutex.pass_on();
  CHECK(holder.job().priority == 20);
  CHECK(mutex.owner() == &first.job());
  run();
  CHECK(mutex.is_awaited());
  mutex.pass_on();
  CHECK(first.job().priority == 5);
  CHECK(mutex.owner() == &second.job());
  CHECK_FALSE(mutex.is_awaited());
  run();
  mutex.pass_on();
  CHECK(mutex.owner() == nullptr);
  go.set();
  run();
}
