// HostPool: its threads, how other threads start jobs, and how it ends.
#include "async/host/pool.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "async/job_page.h"
#include "async/policy/kinds.h"

namespace async {
namespace {

using platform::Hart;
using platform::harts;
using platform::this_thread;

constinit std::atomic<bool> pool_exists = false;

constinit std::array<policy::Memory, HostPool::max_threads> policies{};

bool has_work() noexcept {
  return !current_executor().inbox_is_empty();
}

/// The alarm stays set if its timer is disarmed. Without timers the thread needs no alarm.
void forget_stale_alarm(Executor& executor) noexcept {
  if (this_thread.alarm == platform::Thread::no_alarm) return;
  const Strand::Guard strand;
  if (executor.forget_stale_alarm()) this_thread.alarm = platform::Thread::no_alarm;
}

void print_text(void*, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

/// Makes this thread give its free memory to other threads when it ends.
void give_memory_back_at_exit() {
  struct Giver {
    ~Giver() {
      this_thread.local.frames.give_all();
      platform::give_spare_batches();
    }
  };
  [[maybe_unused]] static thread_local const Giver giver;
}

std::size_t count_jobs() noexcept {
  std::size_t count = 0;
  for_each_job([](void* count, const Job&) { ++*static_cast<std::size_t*>(count); }, &count);
  return count;
}

}  // namespace

HostPool::HostPool(unsigned threads, const Options& options) : count_(threads) {
  if (threads == 0 || threads > max_threads) {
    const std::string message = "a HostPool has 1 … " + std::to_string(max_threads) +
                                " threads, not " + std::to_string(threads);
    platform::fail(message.c_str());
  }
  if (policy::find(options.policy) == nullptr) {
    const std::string message = "no policy has the name '" + std::string(options.policy) + "'";
    platform::fail(message.c_str());
  }
  if (pool_exists.exchange(true)) platform::fail("a process has one HostPool at a time");
  if (threads > 1) JobPage::space_out();
  for (unsigned number = 0; number < threads; ++number) start_thread(number, options);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return begun_ == count_; });
}

void HostPool::start_thread(unsigned number, const Options& options) {
  const auto run = [this, number, options] {
    this_thread.hart = number;
    this_thread.local.smp_active = count_ > 1;
    this_thread.local.has_list_lock = false;
    run_thread(number, options);
  };
  try {
    threads_.emplace_back(run);
  } catch (const std::exception& error) {
    const std::string message = "a HostPool cannot start thread " + std::to_string(number + 1) +
                                " of " + std::to_string(count_) + ": " + error.what();
    platform::fail(message.c_str());
  }
}

HostPool::~HostPool() {
  if (this_thread.hart != platform::Thread::no_hart)
    platform::fail("a job destroys its HostPool, which would wait for the job");
  wait_until_idle();
  // No job runs any more that could call start().
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  Executor::unpark(*starter_);
  wait_until_idle();
  if (count_jobs() != 0) {
    print_graph(print_text, nullptr);
    platform::fail("a HostPool was destroyed, and the jobs above wait for ever");
  }
  threads_end_.store(true);
  for (unsigned number = 0; number < threads(); ++number) platform::send_ipi(number);
  for (std::thread& thread : threads_) thread.join();
  pool_exists.store(false);
}

void HostPool::wait_until_idle() const noexcept {
  for (unsigned round = 1; !all_are_idle(); ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (round % 16 != 0) continue;
    // A thread may sleep until the time of a timer that another thread has disarmed.
    for (unsigned number = 0; number < count_; ++number) platform::send_ipi(number);
  }
}

/// Whether all threads wait for work, and none has a timer.
bool HostPool::all_are_idle() const noexcept {
  const auto all_sleep = [&] {
    for (unsigned number = 0; number < threads(); ++number) {
      if (!harts[number].has_nothing_to_do.load() || !Executor::of(number)->inbox_is_empty()) {
        return false;
      }
    }
    return true;
  };
  const auto count_sleeps = [&] {
    std::uint64_t count = 0;
    for (unsigned number = 0; number < threads(); ++number) count += harts[number].sleeps.load();
    return count;
  };
  const std::uint64_t before = count_sleeps();
  return all_sleep() && all_sleep() && count_sleeps() == before;
}

void HostPool::run_thread(unsigned number, const Options& options) noexcept {
  Executor executor(number);
  if (Policy* const policy =
          policy::find(options.policy)
              ->make(policies[number].bytes, {.hart = number, .seed = options.seed + number})) {
    executor.set_policy(policy);
  }
  if (number == 0) {
    starter_ = &spawn_preemptible(start_all(), {.name = "starter", .priority = 0});
  }
  await_others(begun_);
  const auto spin_ns = static_cast<std::uint64_t>(options.spin.count());
  while (!threads_end_.load(std::memory_order_relaxed)) {
    Executor::run_until_idle();
    forget_stale_alarm(executor);
    executor.begin_idling();
    if (executor.inbox_is_empty()) platform::idle(spin_ns, has_work);
    executor.end_idling();
  }
  if (executor.policy() != nullptr) executor.set_policy(nullptr);  // the next pool may have none
  await_others(ended_);
  this_thread.local.frames.give_all();
  executor.jobs().give_all();
  platform::give_spare_batches();
}

/// Waits until all threads are here. Idle threads look at the executors and policies of others, so
/// all of these exist before the first thread idles, and until the last one has stopped.
void HostPool::await_others(unsigned& here) noexcept {
  std::unique_lock lock(mutex_);
  if (++here == count_) changed_.notify_all();
  changed_.wait(lock, [&] { return here == count_; });
}

/// Starts the jobs that other threads have asked for.
Task<void> HostPool::start_all() {
  std::vector<Task<void>> tasks;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (to_start_.empty() && is_ending_) co_return;
      tasks.swap(to_start_);
    }
    for (Task<void>& task : tasks) spawn_parallel(std::move(task), {.name = "call"}).detach();
    if (tasks.empty()) (void)co_await park("a task to start");
    tasks.clear();
  }
}

void HostPool::start(Task<void> task) noexcept {
  if (this_thread.hart == platform::Thread::no_hart) give_memory_back_at_exit();
  {
    const std::lock_guard lock(mutex_);
    try {
      to_start_.push_back(std::move(task));
    } catch (const std::bad_alloc&) {
      platform::fail("out of memory");
    }
  }
  Executor::unpark(*starter_);
}

void HostPool::check_run() const noexcept {
  if (this_thread.hart != platform::Thread::no_hart)
    platform::fail("a job calls HostPool::run(), which would block its thread: use co_await");
}

std::uint64_t HostPool::migrations() const noexcept {
  std::uint64_t sum = 0;
  for (unsigned number = 0; number < threads(); ++number) {
    sum += Executor::of(number)->migrations();
  }
  return sum;
}

void HostPool::Call::end() noexcept {
  const std::lock_guard lock(mutex);
  has_ended = true;
  ended.notify_one();
}

void HostPool::Call::wait() noexcept {
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return has_ended; });
}

}  // namespace async
