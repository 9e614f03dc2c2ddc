// Wrong use of a HostPool: each ends the process with a message.
#include <async/host/pool.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <stdexcept>

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
