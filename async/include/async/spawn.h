// spawn() makes a task a job of its own; the JoinHandle is its one owner. Awaiting the handle gives
// the task's result; a job that is cancelled (or whose deadline passes) while it joins passes the
// cancellation on and still waits for the end: nothing a task refers to disappears under it.
// Task context of the executor's hart, in the strand.
//
// spawn_preemptible() makes one outside the strand. What it returns has no join(), no cancel() and
// no owner: those two are for jobs that take turns, and this one runs beside whoever would ask. It
// is told what to do, or to end, by what it waits for, and answers by Executor::unpark().
#pragma once

#include <coroutine>
#include <cstdint>
#include <new>
#include <span>
#include <utility>

#include "async/executor.h"
#include "async/task.h"

namespace async {

inline constexpr std::uint8_t inherit_priority = 0xff;

struct SpawnOptions {
  const char* name = "task";                 // a static string
  std::uint8_t priority = inherit_priority;  // of the spawning job's base, else default_priority
  HartMask harts = all_harts;                // where it may run; at least one has an executor
};

struct PreemptibleOptions {
  const char* name = "preemptible task";     // a static string
  std::uint8_t priority = inherit_priority;  // as above
  // Where it may run; 0: on this hart alone. If there are several, any of them goes on with it,
  // also in the midst of a step. It must keep nothing then that belongs to a hart: no thread_local,
  // no Interrupt, no deadline. What it may call between awaits is written for any context.
  HartMask harts = 0;
};

/// A wait for the end of several jobs. Cancelling whoever waits for it cancels them all.
struct JoinGroup : Node {
  explicit JoinGroup(std::span<Job* const> jobs) noexcept : Node(Kind::group, 0), jobs(jobs) {}
  std::span<Job* const> jobs;
};

/// The priority that `inherit_priority` stands for here.
[[gnu::cold]] std::uint8_t inherited_priority(std::uint8_t priority) noexcept;

/// Makes a ready job of the task coroutine `root`, which has not started.
[[gnu::always_inline]] inline Job* start_job(Executor& executor, std::coroutine_handle<> root,
                                             const char* name, std::uint8_t priority,
                                             HartMask harts, std::uint8_t flags) noexcept {
  if (priority >= priorities) [[unlikely]]
    priority = inherited_priority(priority);
  platform::InterruptGuard masked;
  // Where harts share no jobs it is this one's, whose number the compiler may know.
  const unsigned hart = platform::parallel ? executor.hart() : platform::hart();
  Job* const job = new (executor.jobs().allocate()) Job(root, name, priority, hart, flags, harts);
  PromiseBase::of(root).set_joiner(nullptr);
  if (watched()) [[unlikely]]
    job->begin_watched();
  if constexpr (platform::parallel) {
    Executor::dispatch(*job);
  } else {
    executor.schedule(*job);
  }
  return job;
}

class JoinHandleBase {
 public:
  JoinHandleBase(const JoinHandleBase&) = delete;
  JoinHandleBase& operator=(const JoinHandleBase&) = delete;

  bool valid() const noexcept { return job_ != nullptr; }
  Job& job() const noexcept { return *job_; }
  bool done() const noexcept { return job_->done(); }
  void cancel() const noexcept { job_->cancel(); }
  /// The job goes on alone and frees itself at its end; its result is dropped.
  void detach() noexcept;

  /// Makes `joiner` (null: nobody) the one that is woken when the job ends.
  void set_joiner(Job* joiner) const noexcept { PromiseBase::of(root_).set_joiner(joiner); }

 protected:
  JoinHandleBase(Job* job, std::coroutine_handle<> root) noexcept : job_(job), root_(root) {}
  JoinHandleBase(JoinHandleBase&& other) noexcept
      : job_(std::exchange(other.job_, nullptr)), root_(other.root_) {}
  ~JoinHandleBase() {
    if (job_ != nullptr) detach();
  }
  void free_job() noexcept;  // after the end: the frame and the job

  Job* job_;
  std::coroutine_handle<> root_;
};

// In this order, and the handle emptied last, the caller keeps least across the call.
inline void JoinHandleBase::free_job() noexcept {
  platform::InterruptGuard masked;
  current_executor().jobs().release(*job_);
  root_.destroy();
  job_ = nullptr;
}

inline void JoinHandleBase::detach() noexcept {
  platform::InterruptGuard masked;
  if (done()) return free_job();
  set_joiner(nullptr);
  std::exchange(job_, nullptr)->flags_ |= Job::flag_detached;
}

/// Awaits the end of a job and takes its result.
template <class T>
class JoinAwaiter : public JoinHandleBase {
 public:
  bool await_ready() const noexcept {
    platform::begin_wait();
    if (!done()) return false;
    current_job().cancel_wait();
    return true;
  }
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    Job& job = current_job();
    set_joiner(&job);
    if (job.refuses_to_wait()) [[unlikely]]
      cancel();
    job.prepare_to_join(job_);
    job.suspend(self);
  }
  T await_resume() noexcept {
    struct Free {
      JoinAwaiter& handle;
      ~Free() { handle.free_job(); }
    } free{*this};
    return std::coroutine_handle<Promise<T>>::from_address(root_.address()).promise().take();
  }

 protected:
  using JoinHandleBase::JoinHandleBase;
};

template <class T>
class [[nodiscard("a dropped handle detaches its job: say .detach()")]] JoinHandle
    : JoinAwaiter<T> {
 public:
  using JoinHandleBase::cancel;
  using JoinHandleBase::detach;
  using JoinHandleBase::done;
  using JoinHandleBase::job;
  using JoinHandleBase::set_joiner;
  using JoinHandleBase::valid;

  JoinHandle(Job* job, std::coroutine_handle<Promise<T>> root) noexcept
      : JoinAwaiter<T>(job, root) {}
  JoinHandle(JoinHandle&&) = default;

  /// The result of a job that is done(), outside a task.
  T get() && noexcept {
    if (!done()) platform::fail("JoinHandle::get() before the job has ended");
    return this->await_resume();
  }

  /// The handle is its own awaiter: no copy in the frame.
  JoinAwaiter<T>& operator co_await() && noexcept { return *this; }
};

/// Makes `task` ready on `executor`; it starts when its turn comes, never here.
template <class T>
[[gnu::always_inline]] inline JoinHandle<T> spawn(Executor& executor, Task<T> task,
                                                  const SpawnOptions& options = {}) noexcept {
  const auto root = std::move(task).release();
  return JoinHandle<T>(start_job(executor, root, options.name, options.priority, options.harts, 0),
                       root);
}
/// … on this hart.
template <class T>
[[gnu::always_inline]] inline JoinHandle<T> spawn(Task<T> task,
                                                  const SpawnOptions& options = {}) noexcept {
  return spawn(current_executor(), std::move(task), options);
}

/// Makes `task` a job outside the strand (job.h), on this hart for ever unless the options say
/// otherwise; it frees itself at its end. What is returned is for Executor::unpark(), as
/// long as the caller knows that it lives.
inline Job& spawn_preemptible(Task<void> task, const PreemptibleOptions& options = {}) noexcept {
  platform::InterruptGuard masked;
  const Strand::Guard strand;  // whose pools it goes back to
  Executor& executor = current_executor();
  const HartMask harts = options.harts != 0 ? options.harts : hart_mask(executor.hart());
  return *start_job(executor, std::move(task).release(), options.name, options.priority, harts,
                    Job::flag_preemptible | Job::flag_detached);
}

}  // namespace async
