// Wrong use of a HostPool: each ends the process with a message.
#include <async/host/pool.h>
#include <pthread.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include "death.h"

using async::HostPool;
using async::Task;
using test::last_words;

namespace {

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

Task<> throw_error() {
  if (async::now() > async::Instant{}) throw std::runtime_error("an error");
  co_return;
}

Task<> wait_for_ever() {
  co_await async::park("a wake that never comes");
}

Task<> run_again(HostPool& pool) {
  pool.run([]() -> Task<> { co_return; }());
  co_return;
}

Task<> cancel_child() {
  auto child = async::spawn(wait_for_ever());
  child.cancel();
  co_return;
}

Task<> wait_with_deadline() {
  (void)co_await async::with_deadline(async::now(), wait_for_ever());
}

Task<> race() {
  (void)co_await async::when_any(wait_for_ever(), wait_for_ever());
}

Task<> do_nothing() {
  co_return;
}

Task<> destroy(std::optional<HostPool>& pool) {
  pool.reset();
  co_return;
}

Task<> spawn_waiter(std::optional<async::JoinHandle<void>>& waiter) {
  waiter.emplace(async::spawn_in_strand(wait_for_ever()));
  co_return;
}

/// What the process prints when this thread, which is outside a pool of `threads` threads, calls
/// `use`.
template <unsigned threads, auto use>
std::string words_from_outside() {
  return last_words([] {
    HostPool pool{threads};
    use(pool);
  });
}

}  // namespace

TEST_CASE("a pool with no thread, or with too many, fails") {
  CHECK(contains(last_words([] { HostPool{0}; }), "a HostPool has 1 … 64 threads, not 0"));
  CHECK(contains(last_words([] { HostPool{65}; }), "a HostPool has 1 … 64 threads, not 65"));
}

TEST_CASE("a policy that does not exist fails") {
  CHECK(contains(last_words([] { HostPool(1, {.policy = "none"}); }),
                 "no policy has the name 'none'"));
}

TEST_CASE("a second pool beside the first fails") {
  CHECK(contains(last_words([] {
                   HostPool one{1};
                   HostPool two{1};
                 }),
                 "one HostPool at a time"));
}

TEST_CASE("an exception that leaves a task fails") {
  CHECK(contains(last_words([] { HostPool{2}.run(throw_error()); }),
                 "an exception escaped from a task"));
}

TEST_CASE("a job that calls run() fails") {
  CHECK(contains(last_words([] {
                   HostPool pool{1};
                   pool.run(run_again(pool));
                 }),
                 "a job calls HostPool::run()"));
}

TEST_CASE("a pool that is destroyed while a job waits for ever names the job and fails") {
  const std::string text = last_words([] {
    HostPool pool{2};
    pool.start(wait_for_ever());
  });
  CHECK(contains(text, "a wake that never comes"));
  CHECK(contains(text, "the jobs above wait for ever"));
}

TEST_CASE("cancelling a parallel job fails") {
  CHECK(contains(last_words([] { HostPool{1}.run(cancel_child()); }), "cannot be cancelled"));
  CHECK(contains(last_words([] { HostPool{1}.run(race()); }), "cannot be cancelled"));
}

TEST_CASE("a parallel job with a deadline fails") {
  CHECK(contains(last_words([] { HostPool{1}.run(wait_with_deadline()); }),
                 "a parallel job cannot have a deadline"));
}

TEST_CASE("a pool whose threads cannot be started fails") {
  CHECK(contains(last_words([] {
                   pthread_attr_t attributes;
                   ::pthread_attr_init(&attributes);
                   ::pthread_attr_setstacksize(&attributes, std::size_t{1} << 46);
                   ::pthread_setattr_default_np(&attributes);
                   HostPool{2};
                 }),
                 "a HostPool cannot start thread 1 of 2: "));
}

TEST_CASE("a job that destroys its pool fails") {
  CHECK(contains(last_words([] {
                   std::optional<HostPool> pool(std::in_place, 2U);
                   pool->run(destroy(pool));
                 }),
                 "a job destroys its HostPool"));
}

TEST_CASE("a thread outside the pool that uses jobs or objects fails") {
  constexpr auto spawn = [](HostPool&) { async::spawn(do_nothing()).detach(); };
  constexpr auto spawn_parallel = [](HostPool&) { async::spawn_parallel(do_nothing()).detach(); };
  constexpr auto spawn_in_strand = [](HostPool&) { async::spawn_in_strand(do_nothing()).detach(); };
  constexpr auto cancel = [](HostPool& pool) {
    std::optional<async::JoinHandle<void>> waiter;
    pool.run(spawn_waiter(waiter));
    waiter->cancel();
  };
  constexpr auto set_event = [](HostPool&) { async::Event{}.set(); };
  constexpr auto send = [](HostPool&) {
    int value = 1;
    (void)async::Channel<int, 1>{}.try_send(value);
  };
  const char* const message = "a thread outside the pool uses jobs or objects";
  CHECK(contains(words_from_outside<1, spawn>(), message));
  CHECK(contains(words_from_outside<2, spawn>(), message));
  CHECK(contains(words_from_outside<2, spawn_parallel>(), message));
  CHECK(contains(words_from_outside<1, spawn_in_strand>(), message));
  CHECK(contains(words_from_outside<1, cancel>(), message));
  CHECK(contains(words_from_outside<2, cancel>(), message));
  CHECK(contains(words_from_outside<1, set_event>(), message));
  CHECK(contains(words_from_outside<2, send>(), message));
}
