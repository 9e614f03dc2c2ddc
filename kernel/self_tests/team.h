// A group of preemptible jobs that a coroutine of the strand starts and joins.
#pragma once

#include <async/async.h>

#include <atomic>
#include <cstdint>
#include <utility>

namespace kernel::self_tests {

class Team {
 public:
  Team() = default;
  Team(const Team&) = delete;

  /// Starts a job. It may refer to objects that outlive wait().
  void start(async::Task<> task, const char* name, std::uint8_t priority,
             async::HartMask harts = 0) {
    left_.fetch_add(1);
    async::spawn_preemptible(run(std::move(task)),
                             {.name = name, .priority = priority, .harts = harts});
  }
  /// Waits until all jobs have ended. If the caller is cancelled, it calls stop(), which must make
  /// the jobs end soon, and then waits.
  template <class Stop>
  async::Task<> wait(Stop stop) {
    while (left_.load() != 0) {
      if (co_await async::park("a self-test") == async::WaitResult::woken) continue;
      stop();
      break;
    }
    const async::Shield shield;
    while (left_.load() != 0) (void)co_await async::park("a self-test");
  }
  /// Waits until all jobs have ended. They must end soon even if the caller is cancelled.
  async::Task<> wait() {
    return wait([] {});
  }

 private:
  async::Task<> run(async::Task<> task) {
    co_await std::move(task);
    async::Job& owner = owner_;  // a copy: once `left_` is 0, the owner may destroy the team
    if (left_.fetch_sub(1) == 1) async::Executor::unpark(owner);
  }

  async::Job& owner_ = async::current_job();
  std::atomic<unsigned> left_ = 0;
};

}  // namespace kernel::self_tests
