// A fixture: one hart, and a clock that tests move. Its destructor checks that no job and no
// coroutine frame is left.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "async/async.h"

using namespace std::chrono_literals;

namespace async_test {

using async::Task;
using async::WaitResult;
using Log = std::vector<std::string>;

inline async::platform::World& world() {
  return async::platform::world;
}

inline std::size_t live_jobs() {
  std::size_t count = 0;
  async::for_each_job([](void* count, const async::Job&) { ++*static_cast<std::size_t*>(count); },
                      &count);
  return count;
}

class Fixture {
 public:
  Fixture() {
    world().now = 0;
    world().alarm = UINT64_MAX;
    world().ipis.clear();
  }
  ~Fixture() {
    CHECK(live_jobs() == 0);
    CHECK(async::platform::local().frames.bytes_in_use() == frame_bytes_);
  }

  /// Runs all ready jobs; time does not pass.
  void run() { executor.run_until_idle(); }
  /// Moves the time on, and fires each alarm that becomes due.
  void advance(async::Duration by) {
    const std::uint64_t end = world().now + by.count();
    run();
    while (world().alarm <= end) {
      world().now = std::max(world().now, std::exchange(world().alarm, UINT64_MAX));
      executor.alarm_fired();
      run();
    }
    world().now = end;
  }
  /// Spawns `task`, runs until no job is ready, and returns its result.
  template <class T>
  T finish(Task<T> task) {
    auto handle = async::spawn(std::move(task), {.name = "main"});
    run();
    return std::move(handle).get();
  }

 private:
  std::size_t frame_bytes_ = async::platform::local().frames.bytes_in_use();

 public:
  async::Executor executor;
};

inline const char* name(WaitResult result) {
  switch (result) {
    case WaitResult::woken: return "woken";
    case WaitResult::cancelled: return "cancelled";
    case WaitResult::timed_out: return "timed out";
    case WaitResult::closed: return "closed";
  }
  return "?";
}

/// Logs `who` in each of `steps` steps.
inline Task<> log_steps(Log& log, std::string who, int steps) {
  for (int i = 0; i < steps; ++i) {
    log.push_back(who);
    co_await async::yield();
  }
}

/// Waits in `list` and logs the result.
inline Task<> wait_and_log(async::WaitList& list, Log& log, std::string who) {
  const WaitResult result = co_await list.wait("test");
  log.push_back(who + " " + name(result));
}

}  // namespace async_test
