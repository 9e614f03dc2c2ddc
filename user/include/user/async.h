// The kernel's coroutine runtime in a program. Whatever waits is a coroutine; the thread itself
// waits only when all of them do, for a ring (user/ring.h) that their system calls go through.
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
// async/async.h has what there is besides: spawn, scopes, channels, mutexes, sleep_for, deadlines,
// cancellation, priorities. One thread of a program at a time has it. A program whose coroutines
// all wait for one another is told so, and aborted.
#pragma once

#include <abi/shared_priority.h>
#include <async/async.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <type_traits>
#include <utility>

#include "user/calls.h"
#include "user/process.h"
#include "user/ring.h"
#include "user/upcalls.h"

namespace user {

struct RunOptions {
  // The kernel schedules the thread as its most urgent coroutine asks for: one of priority p at p
  // levels below what the thread might have, so that a more urgent one in another such program runs
  // first (abi/shared_priority.h). Otherwise all its coroutines are as urgent as the thread.
  bool shares_priority = false;
  // Called as soon as a notification comes, whatever runs. Besides, notified() waits for them.
  NotificationHandler on_notification = nullptr;
  // What becomes of a coroutine that has an exception. Without it, and without attempt(), the
  // program dies of it.
  ExceptionHandler on_exception = nullptr;
};

namespace detail {

/// A system call under way: the ring's completion comes with its address.
struct Operation {
  async::Event ended;
  std::int32_t result = 0;
  std::uint8_t priority = 0;
};

class Loop {
 public:
  explicit Loop(const RunOptions& options);  // this thread's, as long as it lives
  Loop(const Loop&) = delete;
  ~Loop();
  static Loop& current();

  void run_until_done(const async::Job& job);
  // On another stack, while steps are kept on those before.
  [[noreturn]] void run_for_ever();
  Upcalls& upcalls() { return upcalls_; }

  // Operations that are under way have a place each: a cancellation point.
  async::WaitOp place() { return places_.acquire("a place in the ring"); }
  void begin(abi::RingSubmission submission, Operation& operation);
  // Asks for its end, which may be one as if nobody had asked.
  void cancel(const Operation& operation);
  void end(const Operation& operation);

  // Until one of the bits has come, and takes those that have. A cancellation point: 0.
  async::Task<std::uint64_t> notified(std::uint64_t bits);

 private:
  void run_some();
  bool step();
  void tell_priority(unsigned priority);
  void submit(const abi::RingSubmission& submission);
  void look();
  void wait();
  void take_completions();
  void take_notifications();
  bool fire_alarm();
  void arm_timer();

  static inline constinit Loop* current_ = nullptr;

  const async::Job* awaited_ = nullptr;  // until it is done, the loop runs
  Upcalls upcalls_;
  Ring ring_;
  async::Executor executor_;
  async::Semaphore places_;
  std::uint64_t timer_;  // when the ring's timeout is due; no alarm: there is none
  bool submitted_ = false;
  async::WaitList notified_;
  unsigned waiting_for_notifications_ = 0;
  std::uint64_t notifications_ = 0;  // that have come, for whoever waits for them
  const bool shares_priority_;
  abi::SharedPriority shared_;
  std::array<std::uint16_t, async::priorities> under_way_{};  // operations, by priority
};

/// Makes a system call by the ring. Cancelled, it ends as soon as the kernel has let go of its
/// buffers, with ECANCELED if it had not been done by then; what had been has its result, also
/// within async::with_deadline().
template <class T>
async::Task<Result<T>> make(abi::RingSubmission submission) {
  Loop& loop = Loop::current();
  if (co_await loop.place() != async::WaitResult::woken) {
    co_return std::unexpected{abi::Errno::ecanceled};
  }
  Operation operation;
  loop.begin(submission, operation);
  if (co_await operation.ended.wait("a system call") != async::WaitResult::woken) {
    loop.cancel(operation);
    const async::Shield shield;
    (void)co_await operation.ended.wait("a cancelled system call");
    const bool was_cut = operation.result == -static_cast<std::int32_t>(abi::Errno::ecanceled);
    if (!was_cut) async::DeadlineScope::forget_cut();
  }
  loop.end(operation);
  co_return to_result<T>(operation.result);
}

}  // namespace detail

/// Runs `task`, and beside it whatever it spawns, until it has ended. What is left then does not go
/// on.
template <class T>
T run(async::Task<T> task, const RunOptions& options = {}) {
  detail::Loop loop{options};
  auto main = async::spawn(std::move(task), {.name = "main"});
  loop.run_until_done(main.job());
  return std::move(main).get();
}

/// What coroutines and their jobs have needed so far, in bytes: it is used again, and kept.
std::size_t coroutine_memory();

// Notifications that others send this thread, or a device (user/upcalls.h).

// Waits until at least one of `bits` has come, and takes those that have; what nobody waits for
// stays. Cancelled: 0.
inline async::Task<std::uint64_t> notified(std::uint64_t bits = ~std::uint64_t{0}) {
  return detail::Loop::current().notified(bits);
}
// From now on these are not told, and wait.
inline void mask_notifications(std::uint64_t bits) {
  detail::Loop::current().upcalls().mask(bits);
}
inline UpcallCounts upcall_counts() {
  return detail::Loop::current().upcalls().counts();
}

// Calls `f` in a coroutine of this thread's. An exception of the processor's ends it, and is the
// answer. Objects in Guarded (user/upcalls.h) are destroyed then; what else was in its frames is
// left as it was, without destructors. `f` does not wait.
template <class F>
[[gnu::noinline]] auto attempt(F&& f) -> std::expected<std::invoke_result_t<F>, Exception> {
  detail::Upcalls& upcalls = detail::Loop::current().upcalls();
  detail::Attempt attempt;
  if (setjmp(attempt.point) != 0) {
    static_cast<void>(fesetenv(&attempt.modes));
    upcalls.end(attempt);
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

// System calls to be awaited. Each does what the call of its name does (calls.h); buffers stay
// where they are until it has ended. Besides the call's own errors: ECANCELED. Some four thousand
// can be under way (abi::most_completions); who comes later waits for a place in the order of
// coming, also a write that all those before it wait for.
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
// `path` stays where it is, too.
inline Task<Result<Fd>> open(const char* path, int flags = abi::o_rdonly, unsigned mode = 0666) {
  return detail::make<Fd>(open_file(path, flags, mode, 0));
}
inline Task<Result<void>> close(Fd fd) {
  return detail::make<void>(close_file(fd, 0));
}
// Until one of them is ready, as long as that may be: async::with_deadline ends it.
inline Task<Result<int>> poll(std::span<abi::PollFd> fds) {
  return detail::make<int>(poll_files(fds, 0));
}
// While `word` holds `expected`, for whoever calls user::futex_wake. EAGAIN: it holds another.
inline Task<Result<void>> futex_wait(const std::atomic<std::uint32_t>& word,
                                     std::uint32_t expected) {
  return detail::make<void>(wait_for_word(word, expected, 0));
}
// The end of a child, or of any.
inline Task<Result<Ended>> wait(Pid child = -1) {
  int status = 0;
  const auto pid = co_await detail::make<Pid>(wait_for_child(child, status, 0));
  co_return pid.transform([&](Pid ended) { return Ended{ended, abi::WaitStatus{status}}; });
}

}  // namespace sys
}  // namespace user
