// The kernel's coroutine runtime, for programs. The thread blocks only when all its coroutines
// wait; their system calls go through the thread's ring (user/ring.h).
//
//   async::Task<> copy(Fd from, Fd to) {
//     std::array<std::byte, 4096> buffer;
//     while (const auto bytes = co_await user::sys::read(from, buffer)) {
//       if (*bytes == 0) break;
//       co_await user::sys::write(to, std::span{buffer}.first(*bytes));
//     }
//   }
//   int main() { user::run(copy(standard_input, standard_output)); }
//
// async/async.h has the rest: spawn, scopes, channels, mutexes, sleep_for, deadlines, cancellation,
// priorities. At most one thread of a program may call run() at a time. If every coroutine waits
// for another one, the program prints an error and aborts.
//
// With RunOptions::harts, coroutines run on several harts. They are then parallel jobs
// (async/parallel.h): what they share needs the objects of async/, atomics or a lock.
#pragma once

#include <abi/shared_priority.h>
#include <async/async.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "user/calls.h"
#include "user/harts.h"
#include "user/process.h"
#include "user/ring.h"
#include "user/upcalls.h"

namespace async::policy {
struct Kind;
}

namespace user {

struct RunOptions {
  // Share priorities with the kernel (abi/shared_priority.h). The kernel then runs the thread p
  // levels below its own level, where p is the priority of its most urgent coroutine. So a more
  // urgent coroutine of another such program runs first. If false, the thread's level does not
  // depend on its coroutines.
  bool shares_priority = false;
  // Called at once for each notification, between any two instructions; notified() receives the
  // bits too. May be null.
  NotificationHandler on_notification = nullptr;
  // Decides about exceptions outside attempt(). If null, such an exception ends the program at
  // once.
  ExceptionHandler on_exception = nullptr;
  // The scheduling policy of the coroutines: async::policy::find("edf") and others
  // (async/policy/kinds.h). Null: fixed priorities, 0 … 31. A policy with time slices or budgets
  // ends those of a step in preemptible() in the middle; other steps only pay for their time.
  const async::policy::Kind* policy = nullptr;
  // On how many harts the coroutines run: 1 … 64. More than 1 needs the library
  // cotrap_user_async_harts. run() starts a thread for each hart but the first. There may be more
  // threads than the machine has harts: the kernel then runs them in turn. If the kernel refuses a
  // thread, run() does with those that it has.
  unsigned harts = 1;
  // With several harts: for how long a loop without work waits for a job of a busy loop before its
  // thread sleeps. It does not wait if the thread that calls run() may use fewer harts of the
  // machine than `harts`, or if the program shares priorities.
  nanoseconds spin{20'000};
  // The harts that may serve page faults for which only a coroutine waits, a bit for each: its own
  // hart, so that the others stay free for other programs, or another one, so that the loop
  // continues meanwhile. If none of them exists: an idle hart, if there is one.
  std::uint64_t fault_harts = 0;
  // How many system calls of coroutines can be in flight on each hart: 64 … 65,536, rounded up to a
  // power of two, less a few for the loop. The ring takes 16 bytes for each. Further calls wait in
  // FIFO order, even if an earlier call can complete only after them.
  std::uint32_t calls = 4'096;
};

namespace detail {

/// Runs `task`, the main coroutine, on options.harts threads.
void run_on_harts(async::Task<> task, const RunOptions& options);
/// The ring of run()'s thread. Ends the program if there is none.
Ring ring_for_run(const RunOptions& options);
/// Makes the loops of all other harts run again that sleep.
void ring_other_bells() noexcept;

/// An in-flight system call. The completion's user data is this object's address.
struct Operation {
  async::Event ended;
  std::int32_t result = 0;
  std::uint8_t priority = 0;
};

class Loop {
 public:
  // Becomes the calling thread's loop until it is destroyed. `ring` is the thread's.
  Loop(const RunOptions& options, Ring ring);
  static Result<Ring> make_ring(const RunOptions& options);
  Loop(const Loop&) = delete;
  ~Loop();
  static Loop& current();
  static bool is_running() { return this_loop() != nullptr; }

  // Runs jobs until end_run() was called.
  void run_until_end();
  // In the last step of the main coroutine: no loop runs another step.
  static void end_run();
  static bool has_ended() { return has_ended_.load(std::memory_order_relaxed); }
  void remove_policy();
  // Runs the current loop on this stack until the program ends. If another loop resumes a step that
  // lies above on this stack, that loop runs here after the step.
  [[noreturn]] static void run_for_ever();
  Upcalls& upcalls() { return upcalls_; }
  // Passes the notifications that upcalls have delivered to the coroutines that wait for them. With
  // upcalls disabled.
  void take_arrived();
  enum class Due : std::uint8_t {
    nothing,
    more_urgent,   // a more urgent coroutine than the running one is ready
    end_of_slice,  // of the policy's time slice or budget; other coroutines are ready
  };
  // Call the next four in a step or with upcalls disabled. The first two also wake the coroutines
  // whose system calls have completed or whose sleep is over.
  // Before a preemptible part of a step: submits the system calls of coroutines, and a timeout for
  // the next time at which a coroutine must run. Their completions make upcalls. With several
  // loops, a job or request that another hart sends from now on makes an upcall, too.
  void prepare_to_compute();
  // Returns the reason for which another coroutine must run before `job`, which is running. If
  // there is none, or `may_stop` is false, the function calls prepare_to_compute() until it finds
  // nothing new, and returns Due::nothing.
  Due prepare_unless_due(const async::Job& job, bool may_stop);
  // Whether the alarm or another hart has sent something that prepare_unless_due() must look at.
  bool has_mail() const { return executor_.has_events() && !executor_.inbox_is_empty(); }
  // With several loops: jobs and requests from other harts no longer make upcalls.
  void stop_listening();

  // Each in-flight operation needs a permit. The wait is a cancellation point.
  async::WaitOp place() { return places_.acquire("room in the ring"); }
  void give_place() { places_.release(); }
  void begin(abi::RingSubmission submission, Operation& operation);
  // Requests cancellation; the operation may still complete normally.
  void cancel(const Operation& operation);

  // Waits for at least one of `bits`, consumes those that are pending, and returns them. A
  // cancellation point: 0 if cancelled.
  async::Task<std::uint64_t> notified(std::uint64_t bits);

 private:
  void run_some();
  bool step();
  void publish_priority(unsigned priority);
  void submit(const abi::RingSubmission& submission);
  void poll();
  void wait();
  void take_completions();
  void take_notifications();
  void wake_due();
  bool fire_alarm();
  void arm_timer(std::uint64_t due);
  std::uint64_t end_of_slice() const;

  Due find_due(const async::Job& job);
  void listen();
  // With several loops. While an object exists, the loop idles. If is_due(), it listens to its
  // bell.
  class Asleep {
   public:
    Asleep(Loop& loop, bool is_helpless);
    ~Asleep();
    Asleep(const Asleep&) = delete;
    // False: the loop must run again instead of sleeping.
    bool is_due() const { return is_due_; }

   private:
    Loop& loop_;
    const bool is_helpless_;
    bool is_due_ = false;
  };
  bool spin_for_work();
  void sleep();
  void arm_bell();
  void offer_jobs();
  static void begin_run() { has_ended_ = false; }
  friend void run_on_harts(async::Task<> task, const RunOptions& options);

  static inline constinit std::atomic<bool> has_ended_ = false;  // end_run() was called

  Upcalls upcalls_;
  Ring ring_;
  alignas(std::max_align_t) std::array<std::byte, 256> policy_;
  async::Executor executor_;
  async::Semaphore places_;
  // When the ring's timeout is due, in ns since boot; no_alarm: none is in flight.
  std::uint64_t timer_;
  const std::size_t most_calls_;
  bool submitted_ = false;
  bool bell_is_armed_ = false;  // the ring has a request that ends when the bell rings
  async::WaitList notified_;
  unsigned waiting_for_notifications_ = 0;
  std::uint64_t notifications_ = 0;  // pending for notified()
  const std::uint64_t spin_ns_;
  const bool shares_priority_;
  abi::SharedPriority shared_;
  // Number of in-flight operations per priority.
  std::array<std::uint16_t, async::priorities> in_flight_{};
};

/// The Upcalls of the loop on which the running step is. With several loops, a step may move in the
/// middle, so each use looks them up.
class CurrentUpcalls {
 public:
  Upcalls* operator->() const {
    if constexpr (several_loops) return &Upcalls::current();
    return upcalls_;
  }
  void begin(Attempt& attempt) const {
    const Stay stay;
    (*this)->begin(attempt, stay.before());
  }
  void end(const Attempt& attempt) const {
    const Stay stay;
    (*this)->end(attempt);
  }

 private:
  Upcalls* upcalls_ = several_loops ? nullptr : &Upcalls::current();
};

/// Awaits `task`, the main coroutine of run().
template <class T>
async::Task<T> end_loop_after(async::Task<T> task) {
  struct End {
    ~End() { Loop::end_run(); }
  };
  const End end;
  co_return co_await std::move(task);
}

/// Makes a system call through the ring. If cancelled, it waits until the kernel no longer uses its
/// buffers. It then returns ECANCELED, or the result if the call had completed. The same holds if a
/// deadline (async::with_deadline()) cancels it.
template <class T>
async::Task<Result<T>> make(abi::RingSubmission submission) {
  // Only a job of the strand can be cancelled, and only the loop that submits can cancel.
  const Bound bound{!async::current_job().is_parallel()};
  for (;;) {
    Loop& loop = Loop::current();
    if (co_await loop.place() != async::WaitResult::woken) {
      co_return std::unexpected{abi::Errno::ecanceled};
    }
    if (!several_loops || &loop == &Loop::current()) break;
    loop.give_place();  // the job has waited, and has changed loops
  }
  Operation operation;
  Loop::current().begin(submission, operation);
  if (co_await operation.ended.wait("a system call") != async::WaitResult::woken) {
    Loop::current().cancel(operation);
    const async::Shield shield;
    (void)co_await operation.ended.wait("a cancelled system call");
    const bool was_cut = operation.result == -static_cast<std::int32_t>(abi::Errno::ecanceled);
    if (!was_cut) async::DeadlineScope::forget_cut();
  }
  co_return to_result<T>(operation.result);
}

template <class T, class Kept>
async::Task<> keep_result(async::Task<T> task, Kept& result) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
  } else {
    result.emplace(co_await std::move(task));
  }
}

}  // namespace detail

/// Runs `task` and the jobs that it spawns, and returns when `task` has ended. Jobs that are left
/// then never resume.
template <class T>
T run(async::Task<T> task, const RunOptions& options = {}) {
  if constexpr (detail::several_loops) {
    std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> result;
    detail::run_on_harts(detail::keep_result(std::move(task), result), options);
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  } else {
    detail::Loop loop{options, detail::ring_for_run(options)};
    auto main = async::spawn(detail::end_loop_after(std::move(task)), {.name = "main"});
    loop.run_until_end();
    return std::move(main).get();
  }
}

/// Memory mapped for coroutine frames and jobs, in bytes. It is reused, and never returned to the
/// kernel.
std::size_t coroutine_memory();

// Notifications from other threads and from devices (user/upcalls.h). Call these functions from
// coroutines of run() only.

// Waits for at least one of `bits`, consumes those that are pending, and returns them. Other bits
// stay pending. Returns 0 if cancelled.
inline async::Task<std::uint64_t> notified(std::uint64_t bits = ~std::uint64_t{0}) {
  return detail::Loop::current().notified(bits);
}
// Replaces the mask. Masked notifications stay pending until they are unmasked.
inline void mask_notifications(std::uint64_t bits) {
  const detail::Stay stay;
  detail::Loop::current().upcalls().mask(bits);
}
inline UpcallCounts upcall_counts() {
  return detail::Loop::current().upcalls().counts();
}

// Calls `f` and returns its result, or the exception of the processor that ended it. An exception
// destroys the Guarded objects (user/upcalls.h) in the frames of `f`, and no other objects. Call
// attempt() from a coroutine of run(). `f` must not wait.
template <class F>
[[gnu::noinline]] auto attempt(F&& f) -> std::expected<std::invoke_result_t<F>, Exception> {
  detail::CurrentUpcalls upcalls;
  detail::Attempt attempt;
  if (setjmp(attempt.point) != 0) {
    static_cast<void>(fesetenv(&attempt.modes));
    upcalls->end_failed(attempt);
    return std::unexpected{attempt.exception};
  }
  upcalls.begin(attempt);
  if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
    std::forward<F>(f)();
    upcalls.end(attempt);
    return {};
  } else {
    auto result = std::forward<F>(f)();
    upcalls.end(attempt);
    return result;
  }
}

// System calls as awaitable tasks. Each does the same as the function of that name in calls.h.
// Buffers must stay valid until the task has ended. All can also fail with ECANCELED.
// RunOptions::calls limits how many calls are in flight.
namespace sys {

using async::Task;

inline Task<Result<std::size_t>> read(Fd fd, std::span<std::byte> buffer) {
  return detail::make<std::size_t>(read_next(fd, buffer, 0));
}
inline Task<Result<std::size_t>> read_at(Fd fd, std::span<std::byte> buffer, std::uint64_t offset) {
  return detail::make<std::size_t>(user::read_at(fd, buffer, offset, 0));
}
inline Task<Result<std::size_t>> write(Fd fd, std::span<const std::byte> bytes) {
  return detail::make<std::size_t>(write_next(fd, bytes, 0));
}
inline Task<Result<std::size_t>> write_at(Fd fd, std::span<const std::byte> bytes,
                                          std::uint64_t offset) {
  return detail::make<std::size_t>(user::write_at(fd, bytes, offset, 0));
}
// `path` must stay valid until the task has ended.
inline Task<Result<Fd>> open(const char* path, int flags = abi::o_rdonly, unsigned mode = 0666) {
  return detail::make<Fd>(open_file(path, flags, mode, 0));
}
inline Task<Result<void>> close(Fd fd) {
  return detail::make<void>(close_file(fd, 0));
}
// Waits without a timeout until one descriptor is ready; use async::with_deadline for a timeout.
inline Task<Result<int>> poll(std::span<abi::PollFd> fds) {
  return detail::make<int>(poll_files(fds, 0));
}
// Waits for user::futex_wake() on `word`. EAGAIN: `word` does not hold `expected`.
inline Task<Result<void>> futex_wait(const std::atomic<std::uint32_t>& word,
                                     std::uint32_t expected) {
  return detail::make<void>(wait_for_word(word, expected, 0));
}
// Waits until the child has ended; -1: any child.
inline Task<Result<Ended>> wait(Pid child = -1) {
  int status = 0;
  const auto pid = co_await detail::make<Pid>(wait_for_child(child, status, 0));
  co_return pid.transform([&](Pid ended) { return Ended{ended, abi::WaitStatus{status}}; });
}

}  // namespace sys
}  // namespace user
