// Intentional deadlocks of two coroutines, by two mutexes or by a mutex and a join.
#include <async/async.h>
#include <async/deadlock.h>

#include <chrono>

#include "self_tests/self_tests.h"

namespace kernel::self_tests {

using namespace std::chrono_literals;

namespace {

constexpr const char* wait_for_other = "the other job's mutex";

/// Locks `first`. When the other coroutine holds its mutex, waits for `second`.
async::Task<> lock_both(async::Mutex& first, async::Mutex& second, async::WaitGroup& both) {
  const auto held = co_await first.lock("its own mutex");
  both.done();
  (void)co_await both.wait("the other job");
  const auto wanted = co_await second.lock_or_cancel(wait_for_other);
}

bool is_stuck(const async::Job& job) {
  return job.kind == async::Kind::waiting && job.reason() == wait_for_other;
}

async::Task<> want(async::Mutex& mutex, async::Event& held) {
  (void)co_await held.wait("a locked mutex");
  const auto wanted = co_await mutex.lock_or_cancel(wait_for_other);
}

/// Holds the mutex and joins `other`, which waits for it.
async::Task<> hold_and_join(async::Mutex& mutex, async::Event& held,
                            async::JoinHandle<void> other) {
  const auto lock = co_await mutex.lock("its own mutex");
  held.set();
  while (!is_stuck(other.job())) (void)co_await async::sleep_for(100us, "the other job");
  co_await std::move(other);
}

}  // namespace

async::Task<Result<Words>> deadlock_by_join() {
  async::Mutex mutex;
  async::Event held;
  auto wanting = async::spawn(want(mutex, held), {.name = "wanting"});
  async::Job& wanted = wanting.job();
  auto joining = async::spawn(hold_and_join(mutex, held, std::move(wanting)), {.name = "joining"});
  while (async::awaited(joining.job()) != &wanted) {
    (void)co_await async::sleep_for(100us, "a deadlock");
    if (async::is_cancelled()) break;
  }
  wanted.cancel();  // it ends without having locked the mutex
  co_await std::move(joining);
  co_return Words{};
}

async::Task<Result<Words>> deadlock() {
  async::Mutex one, other;
  async::WaitGroup both;
  both.add(2);
  auto left = async::spawn(lock_both(one, other, both), {.name = "left-handed"});
  auto right = async::spawn(lock_both(other, one, both), {.name = "right-handed"});
  while (!is_stuck(left.job()) || !is_stuck(right.job())) {
    (void)co_await async::sleep_for(100us, "a deadlock");
    if (async::is_cancelled()) break;
  }
  left.job().cancel();  // the other coroutine can then lock both mutexes
  co_await std::move(left);
  co_await std::move(right);
  co_return Words{};
}

}  // namespace kernel::self_tests
