// spawn() makes a task a job of its own. The JoinHandle is the job's only owner. Awaiting the
// handle returns the task's result. A joiner that is cancelled, or whose deadline passes, cancels
// the job and still waits for its end. So the joiner's objects, which the task may use, outlive the
// task. Task context of the executor's hart, in the strand.
//
// spawn_preemptible() makes a job outside the strand. It returns no handle: the job cannot be
// joined or cancelled, because its steps may run at the same time as the caller's. Send it
// requests, and the request to end, through the object it waits for. It answers with
// Executor::unpark().
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
  const char* name = "task";  // a static string
  // inherit_priority: the base priority of the spawning job; outside a job default_priority.
  std::uint8_t priority = inherit_priority;
  HartMask harts = all_harts;  // where it may run; one must have an executor
};

/// Options of spawn_detached().
struct DetachedOptions : SpawnOptions {
  bool shares_first_step = false;  // its first step shares the strand
};

struct PreemptibleOptions {
  const char* name = "preemptible task";     // a static string
  std::uint8_t priority = inherit_priority;  // as in SpawnOptions
  // Where the job may run; 0: only on this hart. If there are several harts, the job may change
  // harts even in the middle of a step. Then it must not use per-hart data: no thread_local, no
  // Interrupt, no deadline. Between awaits it may call only functions for any context.
  HartMask harts = 0;
};

/// A wait for the end of several jobs. Cancelling the job that waits cancels them all.
struct JoinGroup : Node {
  explicit JoinGroup(std::span<Job* const> jobs) noexcept : Node(Kind::group, 0), jobs(jobs) {}
  std::span<Job* const> jobs;
};

/// The priority that `inherit_priority` stands for in the running job. Any other value fails.
[[gnu::cold]] std::uint8_t inherited_priority(std::uint8_t priority) noexcept;

template <class T>
class JoinHandle;

/// Makes a ready job of the task coroutine `root`, which has not started. `flags` are Job's flags.
/// Calls known(job) before the job is ready.
template <class Known>
[[gnu::always_inline]] inline Job* start_job(Executor& executor, std::coroutine_handle<> root,
                                             const char* name, std::uint8_t priority,
                                             HartMask harts, std::uint8_t flags,
                                             Known&& known) noexcept {
  if (priority >= priorities) [[unlikely]]
    priority = inherited_priority(priority);
  platform::InterruptGuard masked;
  // The new job's hart. In a world without parallel harts that is this hart, whose number the
  // compiler may know.
  const unsigned hart = platform::parallel ? executor.hart() : platform::hart();
  Job* const job = new (executor.jobs().allocate()) Job(root, name, priority, hart, flags, harts);
  PromiseBase::of(root).set_joiner(nullptr);
  if (watched()) [[unlikely]]
    job->begin_watched();
  known(*job);
  if constexpr (platform::parallel) {
    Executor::dispatch(*job);
  } else {
    executor.schedule(*job);
  }
  return job;
}

[[gnu::always_inline]] inline Job* start_job(Executor& executor, std::coroutine_handle<> root,
                                             const char* name, std::uint8_t priority,
                                             HartMask harts, std::uint8_t flags) noexcept {
  return start_job(executor, root, name, priority, harts, flags, [](Job&) {});
}

class JoinHandleBase;

/// The functions of parallel.h, which says what they are for. Call them on the job's own hart,
/// unless their comment says otherwise.
class Parallel {
 public:
  /// The running job `joiner` has suspended, to wait for the end of `child`, whose root is `root`.
  /// The child may be on any hart.
  ASYNC_SLOW_PATH static void join(Job& joiner, Job& child, PromiseBase& root) noexcept;
  /// The handle of `job` is gone. The job may be on any hart.
  ASYNC_SLOW_PATH static void detach(Job& job, PromiseBase& root) noexcept;
  /// The running `job` has ended.
  static void end(Job& job, PromiseBase& root) noexcept;
  /// Serves a joiner or a Detach from this hart's inbox. False: `node` is neither.
  static bool receive(Node& node) noexcept;
  /// Whether `job` has ended, and is on this hart.
  static bool has_ended_here(const Job& job, const PromiseBase& root) noexcept {
    return job.hart == platform::hart() && root.has_ended();
  }

  template <class T>
  static JoinHandle<T> spawn(Task<T> task, const SpawnOptions& options) noexcept;
  template <class T>
  static JoinHandle<T> spawn_in_strand(Task<T> task, const SpawnOptions& options) noexcept;

 private:
  static void receive_joiner(Job& joiner) noexcept;
  static void receive_detach(Node& detach) noexcept;
  static void send_joiner(Job& joiner, PromiseBase& root, unsigned hart) noexcept;
  static void detach_here(Job& job, PromiseBase& root) noexcept;
  static void free(Job& job, PromiseBase& root) noexcept;
};

class JoinHandleBase {
 public:
  JoinHandleBase(const JoinHandleBase&) = delete;
  JoinHandleBase& operator=(const JoinHandleBase&) = delete;

  bool valid() const noexcept { return job_ != nullptr; }
  Job& job() const noexcept { return *job_; }
  /// False for a parallel job that has ended on another hart.
  bool done() const noexcept {
    if constexpr (platform::parallel_jobs) {
      if (job_->is_preemptible()) return Parallel::has_ended_here(*job_, root());
    }
    return job_->done();
  }
  void cancel() const noexcept { job_->cancel(); }
  /// Gives up the job: it runs on, frees itself at its end, and drops its result.
  void detach() noexcept;

  /// The end of the job will wake `joiner` (null: no job).
  void set_joiner(Job* joiner) const noexcept { PromiseBase::of(root_).set_joiner(joiner); }

 protected:
  JoinHandleBase(Job* job, std::coroutine_handle<> root) noexcept : job_(job), root_(root) {}
  JoinHandleBase(JoinHandleBase&& other) noexcept
      : job_(std::exchange(other.job_, nullptr)), root_(other.root_) {}
  ~JoinHandleBase() {
    if (job_ != nullptr) detach();
  }
  void free_job() noexcept;  // frees the frame and the job, which has ended
  PromiseBase& root() const noexcept { return PromiseBase::of(root_); }
  bool is_parallel() const noexcept { return job_->is_parallel(); }

  Job* job_;
  std::coroutine_handle<> root_;
};

// In this order, with job_ cleared last, the caller keeps the fewest registers across the calls.
inline void JoinHandleBase::free_job() noexcept {
  platform::InterruptGuard masked;
  current_executor().jobs().release(*job_);
  root_.destroy();
  job_ = nullptr;
}

inline void JoinHandleBase::detach() noexcept {
  platform::InterruptGuard masked;
  if constexpr (platform::parallel_jobs) {
    if (is_parallel()) return Parallel::detach(*std::exchange(job_, nullptr), root());
  }
  const Strand::ObjectGuard strand;
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
    if (!is_parallel()) Strand::visit();
    if (!done()) return false;
    current_job().cancel_wait();
    if (!is_parallel()) Strand::end_visit();
    return true;
  }
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    Job& job = current_job();
    if constexpr (platform::parallel_jobs) {
      if (is_parallel()) {
        job.prepare_to_join(job_);
        job.suspend(self);
        if (job_->hart == platform::hart()) return set_joiner(&job);
        return Parallel::join(job, *job_, root());
      }
    }
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
class [[nodiscard("dropping the handle detaches the job: call .detach()")]] JoinHandle
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

  /// The result, for callers outside a task. Fails unless the job is done().
  T get() && noexcept {
    if (!done()) platform::fail("JoinHandle::get() was called before the job's end");
    return this->await_resume();
  }

  /// The handle is its own awaiter, so the frame holds no copy of it.
  JoinAwaiter<T>& operator co_await() && noexcept { return *this; }
};

/// Makes `task` a ready job. It starts in a later step, never inside spawn(). `executor` is this
/// hart's.
template <class T>
[[gnu::always_inline]] inline JoinHandle<T> spawn(Executor& executor, Task<T> task,
                                                  const SpawnOptions& options = {}) noexcept {
  const auto root = std::move(task).release();
  return JoinHandle<T>(start_job(executor, root, options.name, options.priority, options.harts,
                                 Job::flags_of_child()),
                       root);
}
/// Calls spawn() above with this hart's executor.
template <class T>
[[gnu::always_inline]] inline JoinHandle<T> spawn(Task<T> task,
                                                  const SpawnOptions& options = {}) noexcept {
  require_executor();
  return spawn(current_executor(), std::move(task), options);
}
/// Calls spawn() above, and gives the job attributes for the scheduling policy, for example a
/// budget: spawn(work(), {.name = "filter"}, {.budget = 2ms, .period = 10ms}).
template <class T>
JoinHandle<T> spawn(Task<T> task, const SpawnOptions& options,
                    const Attributes& attributes) noexcept {
  JoinHandle<T> handle = spawn(std::move(task), options);
  Executor::set_attributes(handle.job(), attributes);
  return handle;
}

/// Like spawn() and detach(), and calls known(job) before the job can run. A caller that shares the
/// strand must not be watched().
template <class Known>
void spawn_detached(Task<void> task, const DetachedOptions& options, Known&& known) noexcept {
  const std::uint8_t first_step = options.shares_first_step ? Job::flag_preempted : 0;
  start_job(current_executor(), std::move(task).release(), options.name, options.priority,
            options.harts, static_cast<std::uint8_t>(Job::flag_detached | first_step),
            std::forward<Known>(known));
}

/// Makes `task` a preemptible job (job.h), which frees itself at its end. By default it stays on
/// this hart. Use the returned job for Executor::unpark(), while the job has certainly not ended.
inline Job& spawn_preemptible(Task<void> task, const PreemptibleOptions& options = {}) noexcept {
  platform::InterruptGuard masked;
  const Strand::Guard strand;  // the job returns to the strand's pools when it ends
  Executor& executor = current_executor();
  const HartMask harts = options.harts != 0 ? options.harts : hart_mask(executor.hart());
  return *start_job(executor, std::move(task).release(), options.name, options.priority, harts,
                    Job::flag_preemptible | Job::flag_detached);
}

template <class T>
JoinHandle<T> Parallel::spawn(Task<T> task, const SpawnOptions& options) noexcept {
  require_executor();
  const auto root = std::move(task).release();
  return JoinHandle<T>(start_job(current_executor(), root, options.name, options.priority,
                                 options.harts, Job::flag_preemptible),
                       root);
}
template <class T>
JoinHandle<T> Parallel::spawn_in_strand(Task<T> task, const SpawnOptions& options) noexcept {
  const auto root = std::move(task).release();
  return JoinHandle<T>(
      start_job(current_executor(), root, options.name, options.priority, options.harts, 0), root);
}

}  // namespace async
