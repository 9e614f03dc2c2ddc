#include <catch2/catch_test_macros.hpp>

#include "async/async.h"

using async::Task;

TEST_CASE("a task runs when it is spawned and its turn comes, not before") {
  async::Executor executor;
  bool ran = false;
  auto body = [&]() -> Task<int> {
    ran = true;
    co_await async::yield();
    co_return 7;
  };
  auto handle = async::spawn(body());
  CHECK(!ran);
  executor.run_until_idle();
  CHECK(ran);
  CHECK(std::move(handle).get() == 7);
}
