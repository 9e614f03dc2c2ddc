// HostPool: runs jobs on threads of this process. Its jobs are parallel jobs (parallel.h): their
// steps run at the same time on all threads.
//
//   async::Task<int> fib(int n) {
//     if (n < 2) co_return n;
//     auto left = async::spawn(fib(n - 1));     // another thread may take it
//     const int right = co_await fib(n - 2);
//     co_return right + co_await std::move(left);
//   }
//
//   async::HostPool pool{4};
//   int result = pool.run(fib(30));
//
// Each thread runs its newest job first. A thread without jobs takes the oldest one of another
// thread. A busy thread gives jobs away between two steps only. So if a step computes for long,
// split it into jobs, or put `co_await async::yield()` into its loop.
//
// Wrong use and lack of memory end the process with a message on stderr (platform::fail()). Wrong
// uses are: an exception that leaves a task, a number of threads or a policy that does not exist, a
// second pool beside the first, a job that calls run() or destroys the pool, and a thread outside
// the pool that uses jobs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "async/async.h"
#include "async/parallel.h"

namespace async {

class HostPool {
 public:
  static constexpr unsigned max_threads = platform::max_harts;

  struct Options {
    /// The scheduling policy of each thread, by its name (policy/kinds.h). "priority": priorities,
    /// and the newest job first among equals.
    std::string_view policy = "priority";
    std::uint64_t seed = 1;  // for policies that use random numbers
    /// How long a thread without jobs looks for one before it sleeps.
    Duration spin = std::chrono::microseconds(20);
  };

  /// Starts `threads` threads, 1 … max_threads.
  explicit HostPool(unsigned threads) : HostPool(threads, Options{}) {}
  HostPool(unsigned threads, const Options& options);
  /// Waits until all jobs have ended, also those that jobs start meanwhile, then ends the threads.
  /// A job must not call it. If jobs remain that wait for something other than time, and no job is
  /// left that could wake them, it prints them and ends the process.
  ~HostPool();
  HostPool(const HostPool&) = delete;

  unsigned threads() const noexcept { return count_; }

  /// Runs `task` as a job and waits for its result. Any thread that is not one of the pool's, also
  /// several at the same time.
  template <class T>
  T run(Task<T> task);
  /// Starts `task` as a job that frees itself at its end. Any thread. A job may also call
  /// async::spawn(), which is cheaper.
  void start(Task<void> task) noexcept;

  /// How many jobs have moved from one thread to another so far.
  std::uint64_t migrations() const noexcept;

 private:
  /// What a thread in run() waits for.
  struct Call {
    std::mutex mutex;
    std::condition_variable ended;
    bool has_ended = false;
    void end() noexcept;
    void wait() noexcept;
  };

  template <class T, class Result>
  static Task<void> call(Task<T> task, Result& result, Call& call);
  void check_run() const noexcept;
  void await_others(unsigned& here) noexcept;
  void run_thread(unsigned number, const Options& options) noexcept;
  Task<void> start_all();
  void start_thread(unsigned number, const Options& options);
  void wait_until_idle() const noexcept;
  bool all_are_idle() const noexcept;

  const unsigned count_;  // of threads
  std::vector<std::thread> threads_;
  bool is_ending_ = false;  // protected by mutex_, like the next three
  std::vector<Task<void>> to_start_;
  unsigned begun_ = 0;  // threads that have begun
  unsigned ended_ = 0;  // threads that have stopped to run jobs
  std::mutex mutex_;
  std::condition_variable changed_;  // begun_ or ended_ has grown
  Job* starter_ = nullptr;           // runs start_all()
  std::atomic<bool> threads_end_ = false;
};

template <class T, class Result>
Task<void> HostPool::call(Task<T> task, Result& result, Call& call) {
  {
    Task<T> inner = std::move(task);  // this block destroys it before call.end() wakes the caller
    if constexpr (std::is_void_v<T>) {
      co_await std::move(inner);
    } else {
      result.emplace(co_await std::move(inner));
    }
  }
  call.end();
}

template <class T>
T HostPool::run(Task<T> task) {
  check_run();
  Call here;
  std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> result;
  start(call(std::move(task), result, here));
  here.wait();
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace async
