// Upcalls for a program's coroutines (abi/upcall.h). The kernel calls the program back in the
// middle of a step for three reasons: a page-in, an exception of the processor, and notifications.
//
//   the loop, on stack 1 ─▶ a step ─▶ page fault: the step and the loop below it keep stack 1
//   on_fault(), on stack 2 ─▶ the loop continues: it keeps no state on its stack
//                             page-in complete: the job is ready; resuming its step returns to
//                             stack 1 and frees stack 2
//
// With several loops (RunOptions::harts), a step that a more urgent coroutine has preempted may
// resume on another loop. The loop below it on its stack moves with it: it looks up its Loop again
// after each step.
#pragma once

#include <abi/signal.h>
#include <abi/upcall.h>
#include <async/async.h>
#include <fenv.h>
#include <setjmp.h>

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "user/calls.h"
#include "user/harts.h"
#include "user/preemption.h"

namespace user {

// The exception of the processor that stopped a coroutine: a page fault, an illegal instruction, …
struct Exception {
  abi::Signal signal{};  // the signal that would end the program
  // Page fault: the operand's address; otherwise the processor's trap value.
  std::uint64_t address = 0;
  std::uint64_t pc = 0;
  const char* coroutine = nullptr;  // name of the coroutine's job
};

enum class Verdict : std::uint8_t {
  die,    // end the program by the exception's signal
  retry,  // the handler removed the cause: execute the instruction again
  leave,  // abandon the coroutine: it never resumes, and its awaiter waits for ever. Only its
          // Guarded objects are destroyed
};

// Handles an exception, as a coroutine with the stopped coroutine's priority; it may wait. Other
// coroutines continue. At most 20 coroutines of a loop can be stopped at once, and one more
// exception ends the program. Page-ins stop at most 8 of them, and more urgent coroutines 4.
using ExceptionHandler = async::Task<Verdict> (*)(Exception);

// Called between any two instructions of a coroutine, or between two steps. It may use atomics. It
// must not use data or runtime functions that coroutines use.
using NotificationHandler = void (*)(std::uint64_t bits);

// Posts notifications to a thread of any program that takes upcalls; all programs that run
// coroutines (user/async.h) do. Bits that are already pending are merged. ESRCH: no such thread;
// ENXIO: the thread takes no upcalls.
inline Result<void> notify(Pid thread, std::uint64_t bits) {
  return call(abi::notify, thread, bits);
}
// Posts `bits` to this thread at every interrupt of the device `file`; 0 ends these notifications.
// ENODEV: not a device that can notify; EBUSY: two devices notify this thread already; ENXIO: this
// thread takes no upcalls; EBADF.
inline Result<void> notify_when(Fd file, std::uint64_t bits) {
  return call(abi::notify_when, file, bits);
}

// Counts since run() began.
struct UpcallCounts {
  std::uint64_t pages = 0;  // page faults for which one coroutine waited, and the thread did not
  std::uint64_t pages_elsewhere = 0;  // of these, served by another hart
  std::uint64_t notifications = 0;    // notifications sent to this thread
  std::uint64_t interruptions = 0;    // notification upcalls in the middle of a step
  std::uint64_t exceptions = 0;       // exceptions that did not end the program
  std::uint64_t preemptions = 0;      // steps that a more urgent coroutine preempted
};

namespace detail {

struct Stack;
class Stackful;

// Base of Guarded: an object that is destroyed when its step is abandoned. A step is abandoned when
// an attempt fails, by Verdict::leave, and at the end of run(). The objects of a step form a list,
// the innermost first.
class Cleanup {
 public:
  Cleanup(const Cleanup&) = delete;

 protected:
  explicit Cleanup(void (*run)(Cleanup&)) : run_{run} {}
  ~Cleanup() = default;
  // Called in the step that owns the object. Objects are unlinked in reverse order.
  void link();
  void unlink();

 private:
  friend class Upcalls;
  void (*run_)(Cleanup&);
  Cleanup* outer_ = nullptr;
};

/// this_step() in a coroutine of run(). Elsewhere it ends the program with a message.
StepState& step_of_coroutine();

/// For a scope, the running step stays on its loop: the runtime uses data of the loop there. Empty
/// with one loop.
class [[nodiscard]] RealStay {
 public:
  RealStay() noexcept : step_{step_of_coroutine()}, before_{step_.preemption} {
    set_preemption(step_, StepState::Preemption::forbidden);
  }
  ~RealStay() { set_preemption(step_, before_); }
  RealStay(const RealStay&) = delete;
  /// What the step allows outside the scope.
  StepState::Preemption before() const { return before_; }

 private:
  StepState& step_;
  StepState::Preemption before_;
};
struct [[maybe_unused]] NoStay {
  static StepState::Preemption before() { return this_step().preemption; }
};
using Stay = std::conditional_t<several_loops, RealStay, NoStay>;

struct Attempt {
  jmp_buf point;
  fenv_t modes;  // floating-point environment, which longjmp() does not restore
  Exception exception;
  Attempt* outer = nullptr;
  Cleanup* cleanups = nullptr;         // the innermost Guarded object outside the attempt
  StepState::Preemption preemption{};  // around the attempt
  std::uint32_t spin_locks = 0;        // that the step holds around the attempt
};

class Upcalls {
 public:
  // Ring completions whose user data is in [user_data, user_data + contexts) are about contexts.
  Upcalls(std::uint64_t user_data, NotificationHandler on_notification,
          ExceptionHandler on_exception, std::uint64_t fault_harts)
      : header_{.fault_harts = fault_harts},
        user_data_{user_data},
        on_notification_{on_notification},
        on_exception_{on_exception} {}
  Upcalls(const Upcalls&) = delete;
  static Upcalls& current();
  ~Upcalls();  // the ring must be closed already
  // Requires that the thread has a ring. If the kernel has no memory for contexts, faults stop the
  // whole thread.
  void start();

  // Enable upcalls before steps, and disable them after.
  void open() { set_open(what_it_takes()); }
  void close() { set_open(0); }
  // Called at the end of preemptible(), before code that no upcall may interrupt with other
  // coroutines.
  void take_no_completions() { set_open(what_it_takes() & ~abi::upcalls_take_completions); }
  // Sets the place where go_home() continues on the thread's own stack.
  void set_home(jmp_buf& home) { home_ = &home; }
  // With several loops: runs the loop on a stack of the pool. Then all steps can move to other
  // threads. Returns only if there is no memory for the stack.
  void leave_home();

  // Called in a step, which must stay on its loop meanwhile. Until end(), an exception jumps to the
  // attempt's point. `preemption`: what the step allows.
  void begin(Attempt& attempt, StepState::Preemption preemption) {
    static_cast<void>(fegetenv(&attempt.modes));
    attempt.outer = attempt_;
    attempt.cleanups = cleanups_;
    attempt.preemption = preemption;
    attempt.spin_locks = async::platform::local().spin_locks;
    set_attempt(&attempt);
    open();
  }
  void end(const Attempt& attempt) {
    set_attempt(attempt.outer);
    open();
  }
  // end() after an exception. Notifications and completions may have come while upcalls were
  // disabled.
  void end_failed(const Attempt& attempt) {
    end(attempt);
    keep_due_preemption();
    if (has_notifications() || attempt.preemption != StepState::Preemption::none) {
      this_step().held_back = preempt_now;
    }
    async::platform::local().spin_locks = attempt.spin_locks;
    set_preemption(this_step(), attempt.preemption);
  }

  // Whether the running step is in an attempt, or has Guarded objects.
  bool is_in_scope() const { return attempt_ != nullptr || cleanups_ != nullptr; }
  // Called in a step. From then on, a stackful job that overflows its stack is named before the
  // program ends.
  void report_overflows();

  bool has_notifications() const {
    return has_pending() || arrived_.load(std::memory_order_relaxed) != 0;
  }
  // Consumes the pending notifications, calls the handler, and returns them. Called between two
  // steps.
  std::uint64_t take_notifications();
  // Sets the masked bits; delivers pending notifications that are no longer masked. Called in a
  // step.
  void mask(std::uint64_t bits);

  bool is_about_context(std::uint64_t user_data) const { return user_data - user_data_ < contexts; }
  void end_wait(std::uint64_t user_data, int signal, std::uint32_t hart);
  unsigned waiting() const { return waiting_; }
  // Continues the loop on the thread's own stack, where run() waits. A step that was kept on that
  // stack never resumes. Returns if the loop already runs there.
  void go_home();
  UpcallCounts counts() const;

 private:
  friend class Cleanup;
  static constexpr unsigned contexts = 20;
  static constexpr unsigned most_pages = 8;
  static constexpr unsigned most_preempted = 4;
  // The size of the stack on which a failed attempt is recorded and its cleanups run.
  static constexpr std::size_t landing_bytes = 4096;

  // A step that an upcall interrupted. `resume` and `destroy` come first, as in a suspended
  // coroutine's frame, so that a coroutine_handle can refer to it.
  struct Kept : async::ForgedFrame<std::coroutine_handle<>> {
    using ForgedFrame::from;
    constexpr Kept() noexcept : Kept{go_on} {}
    explicit constexpr Kept(Resume* resume) noexcept : ForgedFrame{resume} {}
    /// The coroutine whose step was interrupted.
    std::coroutine_handle<>& interrupted() { return promise_; }

    async::Job* job = nullptr;
    Upcalls* owner = nullptr;  // the kernel keeps the context for the thread of these
    // The stack of the loop below the step; null: the thread's own. The step itself runs on it, or
    // on the stack of `stackful`.
    Stack* stack = nullptr;
    bool is_at_home = false;       // the step began on the thread's own stack
    Stackful* stackful = nullptr;  // the step's function, if it has a stack of its own
    Attempt* attempt = nullptr;
    Cleanup* cleanups = nullptr;  // the innermost Guarded object of the step
    bool can_go_on = false;       // the page-in is complete, or the exception was handled
    bool goes_first = false;      // its job's priority is raised until the step resumes
    std::uint8_t priority = 0;    // the job's priority before it was raised
    bool has_failed = false;
    bool was_preempted = false;          // by a more urgent job; the step waits for nothing
    StepState::Preemption preemption{};  // when the upcall came
    std::uint32_t spin_locks = 0;        // that the step holds
    // Keeps the job on this loop until the step resumes: in all waits, and if the step is on the
    // thread's own stack.
    [[no_unique_address]] Binding binding{};
  };
  [[noreturn]] static void enter(std::uint64_t context, abi::Upcall why);
  [[noreturn]] void on_fault(std::uint64_t context);
  bool must_not_switch() const;
  void restore_interrupted_step();
  [[noreturn]] void on_exception(std::uint64_t context);
  [[noreturn]] void on_notification(std::uint64_t context);
  Kept& keep(std::uint64_t context);
  Kept& keep_step(std::uint64_t context, const char* reason);
  void leave_strand(const async::Job& job);
  void preempt_if_due(std::uint64_t context);
  [[noreturn]] static void resume(std::uint64_t context, std::uint32_t open);
  [[noreturn]] void resume(const Kept& kept);
  void set_own(Stack* stack);
  void leave_own();
  bool must_let_others_go_first(const Kept& kept);
  [[noreturn]] void leave_for(Kept& kept);
  static void abandon(Kept& kept);
  static void go_on(void* frame) noexcept;
  static void stay(void* kept) noexcept;
  static void end_wait(Kept& kept);
  static Exception exception(std::uint64_t context, const async::Job& job);
  void handle(Kept& kept);
  [[noreturn]] static void die(std::uint64_t context);
  async::Task<> judge(Kept& kept, Exception exception);
  void leave_behind(Kept& kept);
  void give_back(Stack*& stack);
  static void clean_up(Kept& kept);
  static void keep_due_preemption();
  // Runs the cleanups from the innermost up to `end`, exclusive.
  static void clean_up(Cleanup*& innermost, const Cleanup* end);
  [[noreturn]] void fail_attempt(const Exception& exception);
  // More than half of the contexts are in use: jobs that can free one get priority 0.
  bool are_scarce() const { return stacks_.load(std::memory_order_relaxed) > contexts / 2; }
  std::uint32_t what_it_takes() const {
    const bool takes_exceptions =
        on_exception_ != nullptr || attempt_ != nullptr || reports_overflows_;
    return abi::upcalls_open | (takes_exceptions ? abi::upcalls_take_exceptions : 0) |
           (waiting_ < most_pages ? abi::upcalls_take_pages : 0) |
           (takes_completions() ? abi::upcalls_take_completions : 0);
  }
  // In preemptible(), until a preemption is due that something holds back: its end looks for
  // completions.
  static bool takes_completions() {
    return this_step().preemption != StepState::Preemption::none &&
           this_step().held_back == nullptr && !async::platform::local().preemption_held_back;
  }
  void set_attempt(Attempt* attempt);
  static std::uint64_t number_of(const Kept& kept) {
    return static_cast<std::uint64_t>(&kept - kept.owner->kept_.data());
  }
  bool has_pending() const {
    const auto come = std::atomic_ref{header_.pending}.load(std::memory_order_relaxed);
    return (come & ~header_.masked) != 0;
  }
  std::uint64_t take_pending();
  void prepare_stack();

  void set_open(std::uint32_t open) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    std::atomic_ref{header_.open}.store(open, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  mutable abi::UpcallHeader header_;
  const std::uint64_t user_data_;
  const NotificationHandler on_notification_;
  const ExceptionHandler on_exception_;
  bool reports_overflows_ = false;
  // In use: own_, next_ and those of kept steps. Another loop that resumes a step changes it.
  async::platform::Atomic<unsigned> stacks_ = 0;
  Stack* own_ = nullptr;  // the stack that the loop runs on; null: the thread's own
  jmp_buf* home_ = nullptr;
  Attempt* attempt_ = nullptr;
  Cleanup* cleanups_ = nullptr;  // the innermost Guarded object of the running step
  Stack* next_ = nullptr;        // the stack of the next upcall; null: none
  unsigned waiting_ = 0;
  // Steps that were preempted and have not resumed. Another loop that resumes one changes it.
  async::platform::Atomic<unsigned> preempted_ = 0;
  Pid thread_ = 0;
  StepState::Preemption preemption_{};  // of the step that the last upcall has interrupted
  std::uint64_t pages_ = 0, pages_elsewhere_ = 0, exceptions_ = 0, preemptions_ = 0;
  // Delivered in the middle of a step, and not yet returned by take_notifications().
  std::atomic<std::uint64_t> arrived_ = 0;
  // The large members are the last ones: the processor reaches the others without an addition.
  std::array<Kept, contexts> kept_{};
  alignas(16) std::array<std::byte, landing_bytes> landing_;
};

}  // namespace detail

// A local object that is destroyed even if its function never returns. It is destroyed when an
// exception ends the attempt() around it and when its coroutine is abandoned (Verdict::leave). It
// is also destroyed when run() ends while a page-in or an exception stops its coroutine. In these
// cases other objects are not destroyed. If run() ends while a more urgent coroutine has preempted
// the step, it is not destroyed either.
//
//   user::attempt([&] {
//     user::Guarded<std::vector<int>> numbers{100};
//     fill(*numbers);  // may cause an exception
//   });
//
// Use it as a local variable of one step: it must not live across a co_await. The destructor runs
// on a small stack (2 KiB are free). It must not use data that the exception may have left
// inconsistent.
template <class T>
class Guarded : detail::Cleanup {
 public:
  template <class... Arguments>
  explicit Guarded(Arguments&&... arguments)
      : Cleanup{[](Cleanup& self) { std::destroy_at(&static_cast<Guarded&>(self).value_); }} {
    std::construct_at(&value_, std::forward<Arguments>(arguments)...);
    link();
  }
  ~Guarded() {
    unlink();
    std::destroy_at(&value_);
  }

  T& operator*() { return value_; }
  T* operator->() { return &value_; }

 private:
  union {
    T value_;
  };
};

}  // namespace user
