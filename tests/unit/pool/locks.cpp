// The locks of wait lists: objects that jobs on all threads and jobs of the strand use at once. The
// ends of waits by wakes, timeouts and cancellations meet each other.
#include <async/host/pool.h>

#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

using async::HostPool;
using async::Instant;
using async::Job;
using async::Task;
using async::WaitResult;
using namespace std::chrono_literals;

namespace {

using Jobs = std::vector<async::JoinHandle<void>>;

Task<> join(Jobs jobs) {
  for (auto& job : jobs) co_await std::move(job);
}

/// Plain data, so ThreadSanitizer reports if the objects do not order the accesses.
struct Objects {
  async::Channel<std::uint64_t, 2> channel;
  async::Mutex mutex;
  std::uint64_t guarded = 0;
  async::Semaphore permits{2};
  std::atomic<int> holders = 0;
  async::AutoEvent signal;
  async::WaitGroup group;
  std::atomic<std::uint64_t> received = 0;
};

Task<> use_all(Objects& all, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    co_await all.channel.send(1);
    {
      const auto guard = co_await all.mutex.lock();
      if (i % 8 == 0) co_await async::yield();
      ++all.guarded;
    }
    co_await all.permits.acquire();
    if (all.holders.fetch_add(1) >= 2) async::platform::fail("three jobs have the two permits");
    if (i % 4 == 0) co_await async::yield();
    all.holders.fetch_sub(1);
    all.permits.release();
    all.signal.set();
    co_await all.signal.wait();
  }
  all.group.done();
  all.signal.set();
}

Task<> receive_all(Objects& all) {
  while (const auto value = co_await all.channel.receive()) all.received.fetch_add(*value);
}

Task<> use_all_at_once(Objects& all, unsigned count) {
  Jobs jobs;
  Jobs receivers;
  for (int i = 0; i < 6; ++i) {
    all.group.add();
    jobs.push_back(i % 2 == 0 ? async::spawn(use_all(all, count))
                              : async::spawn_in_strand(use_all(all, count)));
  }
  receivers.push_back(async::spawn(receive_all(all)));
  receivers.push_back(async::spawn_in_strand(receive_all(all)));
  co_await all.group.wait();
  co_await join(std::move(jobs));
  all.channel.close();
  co_await join(std::move(receivers));
}

/// Waits in the strand for one of three lists, which parallel jobs wake.
struct Watched {
  std::array<async::WaitList, 3> lists;
  std::array<std::atomic<unsigned>, 3> raised{};
  std::atomic<unsigned> seen = 0;
};

Task<> raise(Watched& watched, unsigned which, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    watched.raised[which].fetch_add(1);
    watched.lists[which].wake_one();
    if (i % 4 == 0) co_await async::yield();
  }
}

Task<> watch_all(Watched& watched, unsigned count) {
  std::array<unsigned, 3> taken{};
  while (taken[0] + taken[1] + taken[2] < 3 * count) {
    async::MultiWait wait;
    std::array<async::Observer, 3> entries;
    for (unsigned i = 0; i < 3; ++i) wait.watch(entries[i], watched.lists[i]);
    bool is_new = false;
    for (unsigned i = 0; i < 3; ++i) {
      const unsigned now = watched.raised[i].load();
      is_new |= std::exchange(taken[i], now) != now;
    }
    if (!is_new) (void)co_await wait.until(async::never, "a wake");
  }
  watched.seen.store(taken[0] + taken[1] + taken[2]);
}

/// A job of the strand waits in each list, too, beside the observer.
Task<> wait_beside(Watched& watched, unsigned which, std::atomic<bool>& is_over) {
  while (!is_over.load()) (void)co_await watched.lists[which].wait_until(async::now() + 200us, "w");
}

Task<> watch_beside_wakes(Watched& watched, unsigned count) {
  std::atomic<bool> is_over = false;
  auto watcher = async::spawn_in_strand(watch_all(watched, count));
  Jobs others;
  for (unsigned i = 0; i < 3; ++i) {
    others.push_back(async::spawn_in_strand(wait_beside(watched, i, is_over)));
    others.push_back(async::spawn(wait_beside(watched, i, is_over)));
  }
  Jobs jobs;
  for (unsigned i = 0; i < 3; ++i) jobs.push_back(async::spawn(raise(watched, i, count)));
  co_await join(std::move(jobs));
  co_await std::move(watcher);
  is_over.store(true);
  co_await join(std::move(others));
}

Task<> choose_first(async::Event& one, async::Event& other, std::atomic<unsigned>& ends) {
  auto wait = [](async::Event& event) -> Task<bool> {
    co_return co_await event.wait() == WaitResult::woken;
  };
  const auto first = co_await async::when_any(wait(one), wait(other));
  if (first.index() > 1) async::platform::fail("when_any() has found no task");
  ends.fetch_add(1);
}

Task<> set_both(async::Event& one, async::Event& other) {
  one.set();
  other.set();
  co_return;
}

/// Each round, a wake by a parallel job and a cancellation meet a wait of a job of the strand.
struct Meeting {
  async::WaitList list;
  std::atomic<unsigned> woken = 0;
  std::atomic<unsigned> cancelled = 0;
  std::atomic<unsigned> timed_out = 0;
};

Task<> wait_once(Meeting& meeting, bool has_deadline) {
  const auto result = has_deadline ? co_await meeting.list.wait_until(async::now() + 20us, "an end")
                                   : co_await meeting.list.wait("an end");
  auto& count = result == WaitResult::woken       ? meeting.woken
                : result == WaitResult::cancelled ? meeting.cancelled
                                                  : meeting.timed_out;
  count.fetch_add(1);
}

Task<> wake_often(Meeting& meeting, std::atomic<bool>& is_over, std::atomic<unsigned>& wakes) {
  while (!is_over.load()) {
    if (meeting.list.wake_one()) wakes.fetch_add(1);
    co_await async::yield();
  }
}

Task<> cancel_often(Meeting& meeting, unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    auto plain = async::spawn(wait_once(meeting, false));
    auto timed = async::spawn(wait_once(meeting, true));
    auto parallel = async::spawn_parallel(wait_once(meeting, true));
    co_await async::yield();
    if (i % 3 != 0) plain.cancel();
    if (i % 3 == 1) timed.cancel();
    co_await std::move(plain);
    co_await std::move(timed);
    co_await std::move(parallel);
  }
}

Task<unsigned> meet_often(Meeting& meeting, unsigned rounds) {
  std::atomic<bool> is_over = false;
  std::atomic<unsigned> wakes = 0;
  Jobs wakers;
  for (int i = 0; i < 2; ++i) wakers.push_back(async::spawn(wake_often(meeting, is_over, wakes)));
  co_await async::spawn_in_strand(cancel_often(meeting, rounds));
  is_over.store(true);
  co_await join(std::move(wakers));
  co_return wakes.load();
}

/// A woken job destroys the object, while the waker may still be in the call that woke it.
struct Fleeting {
  async::Event event;
  async::Channel<int, 1> channel;
  async::Mutex mutex;
  async::Semaphore permits;
  async::WaitGroup group;
};

template <class Wait>
Task<> wait_and_destroy(std::unique_ptr<Fleeting> object, Wait wait) {
  co_await wait(*object);
  object.reset();
}

template <class Wait, class Wake>
Task<> destroy_often(unsigned rounds, Wait wait, Wake wake) {
  auto run = [](Fleeting& object, Wake wake) -> Task<> { co_await wake(object); };
  for (unsigned i = 0; i < rounds; ++i) {
    auto object = std::make_unique<Fleeting>();
    Fleeting& used = *object;
    used.group.add();
    auto waker = async::spawn(run(used, wake));
    auto waiter = async::spawn(wait_and_destroy(std::move(object), wait));
    co_await std::move(waiter);
    co_await std::move(waker);
  }
}

Task<> destroy_each_often(unsigned rounds) {
  co_await destroy_often(
      rounds, [](Fleeting& object) -> Task<> { co_await object.event.wait(); },
      [](Fleeting& object) -> Task<> {
        object.event.set();
        co_return;
      });
  co_await destroy_often(
      rounds, [](Fleeting& object) -> Task<> { (void)co_await object.channel.receive(); },
      [](Fleeting& object) -> Task<> {
        int value = 1;
        (void)object.channel.try_send(value);
        co_return;
      });
  co_await destroy_often(
      rounds, [](Fleeting& object) -> Task<> { co_await object.permits.acquire(); },
      [](Fleeting& object) -> Task<> {
        object.permits.release();
        co_return;
      });
  co_await destroy_often(
      rounds, [](Fleeting& object) -> Task<> { co_await object.group.wait(); },
      [](Fleeting& object) -> Task<> {
        object.group.done();
        co_return;
      });
  // The waker locks the mutex first, and the waiter is the last to unlock it.
  co_await destroy_often(
      rounds,
      [](Fleeting& object) -> Task<> {
        co_await object.event.wait();
        const auto guard = co_await object.mutex.lock();
      },
      [](Fleeting& object) -> Task<> {
        const auto guard = co_await object.mutex.lock();
        object.event.set();
        co_await async::yield();
      });
}

/// One job closes the channel for which several wait, and destroys it at once.
struct Closing {
  std::unique_ptr<async::Channel<int, 1>> channel = std::make_unique<async::Channel<int, 1>>();
  std::atomic<unsigned> waiters = 0;
  std::atomic<unsigned> closed = 0;
};

Task<> receive_closed(Closing& closing) {
  closing.waiters.fetch_add(1);
  const auto value = co_await closing.channel->receive();
  if (!value && value.error() == WaitResult::closed) closing.closed.fetch_add(1);
}

Task<> send_until_closed(Closing& closing) {
  int value = 1;
  (void)closing.channel->try_send(value);
  closing.waiters.fetch_add(1);
  if (co_await closing.channel->send(1) == WaitResult::closed) closing.closed.fetch_add(1);
}

Task<> close_and_destroy(Closing& closing) {
  closing.channel->close();
  closing.channel.reset();
  co_return;
}

/// The jobs run on one thread, so they wait before the channel is closed.
Task<> close_often(unsigned rounds, std::atomic<unsigned>& closed, Task<> (*use)(Closing&)) {
  const async::SpawnOptions on_one{.harts = async::hart_mask(0)};
  for (unsigned i = 0; i < rounds; ++i) {
    Closing closing;
    Jobs jobs;
    for (int pair = 0; pair < 2; ++pair) {
      jobs.push_back(async::spawn(use(closing), on_one));
      jobs.push_back(async::spawn_in_strand(use(closing), on_one));
    }
    while (closing.waiters.load() < jobs.size()) co_await async::yield();
    co_await async::spawn(close_and_destroy(closing), on_one);
    co_await join(std::move(jobs));
    closed.fetch_add(closing.closed.load());
  }
}

constexpr std::uint8_t usual = 20;

/// Jobs that lock a mutex again and again, and a waiter.
struct Contended {
  async::Mutex mutex;
  bool is_served = false;           // behind the mutex: the waiter has had it
  std::atomic<unsigned> locks = 0;  // while the waiter waited
  std::atomic<bool> waits = false;
};

/// Yields with the mutex, so it is locked whenever a woken waiter tries to lock it.
Task<> lock_again_and_again(Contended& contended) {
  constexpr unsigned most = 10'000;
  for (;;) {
    const auto guard = co_await contended.mutex.lock();
    if (contended.is_served || contended.locks.load() > most) co_return;
    if (contended.waits.load()) contended.locks.fetch_add(1);
    co_await async::yield();
  }
}

Task<> wait_to_be_served(Contended& contended) {
  contended.waits.store(true);
  const auto guard = co_await contended.mutex.lock();
  contended.is_served = true;
}

Task<unsigned> serve(bool in_strand, std::uint8_t priority) {
  Contended contended;
  Jobs others;
  for (int i = 0; i < 2; ++i) {
    others.push_back(async::spawn(lock_again_and_again(contended), {.priority = usual}));
  }
  while (contended.mutex.owner() == nullptr) co_await async::sleep_for(10us);
  const async::SpawnOptions options{.name = "waiter", .priority = priority};
  co_await (in_strand ? async::spawn_in_strand(wait_to_be_served(contended), options)
                      : async::spawn(wait_to_be_served(contended), options));
  co_await join(std::move(others));
  co_return contended.locks.load();
}

/// The order in which woken jobs run.
struct Order {
  async::WaitList list;
  async::Mutex mutex;
  std::vector<int> ran;  // behind the mutex
};

Task<> wait_and_run(Order& order, int number) {
  co_await order.list.wait("a wake");
  const auto guard = co_await order.mutex.lock();
  order.ran.push_back(number);
}

Task<> change_priorities(Order& order, unsigned rounds) {
  for (unsigned round = 0; round < rounds; ++round) {
    Jobs jobs;
    for (int i = 0; i < 4; ++i) {
      jobs.push_back(i % 2 == 0 ? async::spawn(wait_and_run(order, i))
                                : async::spawn_in_strand(wait_and_run(order, i)));
    }
    co_await async::yield();
    // In the strand of all jobs, outside of the parallel jobs.
    auto change = [](Jobs& jobs, std::size_t every) -> Task<> {
      for (std::size_t i = 0; i < jobs.size(); i += every) {
        const auto priority = static_cast<std::uint8_t>(10 - i);
        async::current_executor().set_priority(jobs[i].job(), priority);
      }
      co_return;
    };
    auto one = async::spawn_in_strand(change(jobs, 1));
    auto other = async::spawn(change(jobs, 2));
    for (unsigned woken = 0; woken < jobs.size(); co_await async::yield()) {
      woken += order.list.wake_one() ? 1 : 0;
    }
    co_await std::move(one);
    co_await std::move(other);
    co_await join(std::move(jobs));
  }
}

/// A parallel job that waits with a mutex for which a job of the strand waits.
struct Lent {
  async::Mutex mutex;
  async::WaitList list;
  std::atomic<bool> is_locked = false;
  std::atomic<bool> is_awaited = false;
};

Task<> own_and_wait(Lent& lent) {
  const auto guard = co_await lent.mutex.lock();
  lent.is_locked.store(true);
  co_await lent.list.wait("a wake");
}

Task<> wait_for_mutex(Lent& lent) {
  lent.is_awaited.store(true);
  const auto guard = co_await lent.mutex.lock();
}

Task<> change_often(Lent& lent, Job& owner, Job& waiter) {
  while (!lent.is_awaited.load()) co_await async::yield();
  for (unsigned i = 0; i < 20; ++i) {
    const auto priority = static_cast<std::uint8_t>(10 + i % 3);
    async::current_executor().set_priority(owner, priority);
    async::current_executor().set_priority(waiter, priority);
    if (i % 4 == 0) co_await async::yield();
  }
}

Task<> wake_owner(Lent& lent) {
  while (!lent.is_awaited.load()) co_await async::yield();
  while (!lent.list.wake_one()) co_await async::yield();
}

Task<> change_beside_wakes(unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    Lent lent;
    Jobs jobs;
    jobs.push_back(async::spawn(own_and_wait(lent)));
    while (!lent.is_locked.load()) co_await async::yield();
    jobs.push_back(async::spawn_in_strand(wait_for_mutex(lent)));
    auto change = async::spawn_in_strand(change_often(lent, jobs[0].job(), jobs[1].job()));
    auto wake = async::spawn(wake_owner(lent));
    co_await std::move(change);
    co_await std::move(wake);
    co_await join(std::move(jobs));
  }
}

Task<> lock_once(Objects& all) {
  const auto guard = co_await all.mutex.lock();
  ++all.guarded;
}

/// The jobs end while they own the mutex or just afterwards, and the next ones use their memory.
Task<> lock_in_short_jobs(Objects& all, unsigned count) {
  for (unsigned i = 0; i < count; ++i) co_await async::spawn(lock_once(all));
}

Task<> lock_in_short_jobs_at_once(Objects& all, unsigned count) {
  Jobs jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(async::spawn(lock_in_short_jobs(all, count)));
  co_await join(std::move(jobs));
}

}  // namespace

TEST_CASE("parallel jobs and jobs of the strand use the same objects at once") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  Objects all;
  {
    HostPool pool{threads};
    pool.run(use_all_at_once(all, 100));
  }
  CHECK(all.received.load() == 600);
  CHECK(all.guarded == 600);
}

TEST_CASE("a job of the strand that watches lists misses no wake by a parallel job") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  Watched watched;
  {
    HostPool pool{threads};
    pool.run(watch_beside_wakes(watched, 200));
  }
  CHECK(watched.seen.load() == 600);
}

TEST_CASE("when_any() in the strand ends with the event that a parallel job sets") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  std::atomic<unsigned> ends = 0;
  for (int i = 0; i < 100; ++i) {
    pool.run([](std::atomic<unsigned>& ends) -> Task<> {
      async::Event one;
      async::Event other;
      auto chooser = async::spawn_in_strand(choose_first(one, other, ends));
      auto setter = async::spawn(set_both(one, other));
      co_await std::move(chooser);
      co_await std::move(setter);
    }(ends));
  }
  CHECK(ends.load() == 100);
}

TEST_CASE("a wake by a parallel job, a timeout and a cancellation end a wait once") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  Meeting meeting;
  const unsigned wakes = pool.run(meet_often(meeting, 300));
  CHECK(meeting.woken.load() == wakes);
  CHECK(meeting.woken.load() + meeting.cancelled.load() + meeting.timed_out.load() == 900);
}

TEST_CASE("a woken job may destroy the object at once") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  pool.run(destroy_each_often(200));
  SUCCEED("no waker has used an object after the wake");
}

TEST_CASE("a channel may be destroyed when it is closed and no job waits for it any more") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  std::atomic<unsigned> closed = 0;
  pool.run(close_often(100, closed, receive_closed));
  pool.run(close_often(100, closed, send_until_closed));
  CHECK(closed.load() == 800);
}

TEST_CASE("a job that spins for a mutex reads nothing of the owner, which may end") {
  HostPool pool{4};
  Objects all;
  pool.run(lock_in_short_jobs_at_once(all, 5'000));
  CHECK(all.guarded == 20'000);
}

TEST_CASE("jobs that lock a mutex again and again do not starve a waiter") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  const bool in_strand = GENERATE(false, true);
  HostPool pool{threads};
  for (int i = 0; i < 20; ++i) {
    const unsigned locks = pool.run(serve(in_strand, usual));
    if (threads == 1) CHECK(locks <= 20);  // four attempts of each of two jobs before it
  }
}

TEST_CASE("a waiter that is more urgent than the owner is next to have the mutex") {
  HostPool pool{1};
  CHECK(pool.run(serve(false, usual - 1)) <= 1);
}

TEST_CASE("a waiting parallel job takes a new priority over when it becomes ready") {
  HostPool pool{1};
  Order order;
  pool.run([](Order& order) -> Task<> {
    Jobs jobs;
    for (int i = 0; i < 3; ++i) jobs.push_back(async::spawn(wait_and_run(order, i)));
    co_await async::yield();
    async::current_executor().set_priority(jobs[1].job(), 5);
    async::current_executor().set_priority(jobs[0].job(), 3);
    CHECK(order.list.wake_all() == 3);
    co_await join(std::move(jobs));
  }(order));
  CHECK(order.ran == std::vector{2, 0, 1});
}

TEST_CASE("priorities of waiting jobs change while others wake them") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  Order order;
  pool.run(change_priorities(order, 100));
  CHECK(order.ran.size() == 400);
}

TEST_CASE("the priority of a mutex's waiter changes while the waiting owner is woken") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  pool.run(change_beside_wakes(1'000));
  SUCCEED("every owner and every waiter has ended");
}

TEST_CASE("ready parallel jobs keep their order when the priority of another one changes") {
  HostPool pool{1};
  std::vector<int> ran;
  pool.run([](std::vector<int>& ran) -> Task<> {
    auto run = [](std::vector<int>& ran, int number) -> Task<> {
      ran.push_back(number);
      co_return;
    };
    Jobs jobs;
    for (int i = 0; i < 4; ++i) jobs.push_back(async::spawn(run(ran, i)));
    async::current_executor().set_priority(jobs[2].job(), 20);
    co_await join(std::move(jobs));
  }(ran));
  CHECK(ran == std::vector{3, 1, 0, 2});
}
