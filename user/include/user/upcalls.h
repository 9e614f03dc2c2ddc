// What happens to a program's loop in the midst of a step (abi/upcall.h): a page that the coroutine
// has to wait for, an exception, and notifications.
//
//   the loop, on one stack ─▶ a step ─▶ page fault: the step, and the loop below it, stay there
//   on_fault(), on another ─▶ the loop goes on: nothing that it knows is on a stack
//                             the page is there: the job is ready, and its step goes on on the
//                             first stack; the second one is free
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

namespace user {

// What a coroutine has done that it cannot go on after: a page that is not there, an instruction
// that is none, …
struct Exception {
  abi::Signal signal{};       // that the program would die of
  std::uint64_t address = 0;  // for a page: the operand's; otherwise the machine's own word
  std::uint64_t pc = 0;
  const char* coroutine = nullptr;  // its job's name
};

enum class Verdict : std::uint8_t {
  die,    // the program dies of it, as programs do that have no coroutines
  retry,  // what was wrong is not any more: the coroutine does the same again
  leave,  // the coroutine never goes on, and its awaiter waits for ever: of what it has, only
          // Guarded objects are destroyed
};

// A coroutine beside the one that has stopped, with its priority; the others go on. While as many
// have stopped as can be kept (16, of which up to 8 for pages), the next one ends the program.
using ExceptionHandler = async::Task<Verdict> (*)(Exception);

// In the midst of whatever coroutine runs, or of none: it may touch nothing that they might be
// about, the runtime's functions among it, except atomically.
using NotificationHandler = void (*)(std::uint64_t bits);

// Tells a thread of any program that takes upcalls, which all do that run coroutines
// (user/async.h). Bits that it has not seen yet are one with these. ESRCH; ENXIO: it takes none.
inline Result<void> notify(Pid thread, std::uint64_t bits) {
  return call(abi::notify, thread, bits);
}
// Tells this thread whenever the device `file` interrupts; 0: not any more. ENODEV; ENXIO.
inline Result<void> notify_when(Fd file, std::uint64_t bits) {
  return call(abi::notify_when, file, bits);
}

// So far, in this run().
struct UpcallCounts {
  std::uint64_t pages = 0;            // that a coroutine waited for, and others did not
  std::uint64_t pages_elsewhere = 0;  // … that another hart has seen to
  std::uint64_t notifications = 0;    // that were sent
  std::uint64_t interruptions = 0;    // … steps that they came in the midst of
  std::uint64_t exceptions = 0;       // that did not end the program
};

namespace detail {

// An object that is destroyed when its step is given up: because an attempt fails, because the
// coroutine is left behind, or because run() ends. The objects of a step are a list, the innermost
// first.
class Cleanup {
 public:
  Cleanup(const Cleanup&) = delete;

 protected:
  explicit Cleanup(void (*run)(Cleanup&)) : run_{run} {}
  ~Cleanup() = default;
  // In the running step. The innermost object is unlinked first.
  void link();
  void unlink();

 private:
  friend class Upcalls;
  void (*run_)(Cleanup&);
  Cleanup* outer_ = nullptr;
};

struct Attempt {
  jmp_buf point;
  fenv_t modes;  // of floating point, which longjmp leaves alone
  Exception exception;
  Attempt* outer = nullptr;
  Cleanup* cleanups = nullptr;  // the innermost object outside of the attempt
};

class Upcalls {
 public:
  // Completions of the ring from here on are about contexts.
  Upcalls(std::uint64_t user_data, NotificationHandler on_notification,
          ExceptionHandler on_exception)
      : user_data_{user_data}, on_notification_{on_notification}, on_exception_{on_exception} {}
  Upcalls(const Upcalls&) = delete;
  ~Upcalls();  // after the ring
  // After the thread has one. Where the kernel has no memory for it, faults stop the thread.
  void start();

  // Steps begin, and end.
  void open() { set_open(what_it_takes()); }
  void close() { set_open(0); }
  // The loop begins on the thread's own stack, and can do so there again at any time.
  void set_home(jmp_buf& home) { home_ = &home; }

  // In a step: an exception goes to its point, until end().
  void begin(Attempt& attempt) {
    static_cast<void>(fegetenv(&attempt.modes));
    attempt.outer = attempt_;
    attempt.cleanups = cleanups_;
    set_attempt(&attempt);
    open();
  }
  void end(const Attempt& attempt) {
    set_attempt(attempt.outer);
    open();
  }

  bool has_notifications() const {
    return has_pending() || arrived_.load(std::memory_order_relaxed) != 0;
  }
  // Those, told to the handler. Between two steps.
  std::uint64_t take_notifications();
  // In a step: what has come and is not masked any more is told at once.
  void mask(std::uint64_t bits);

  bool is_about_context(std::uint64_t user_data) const { return user_data - user_data_ < contexts; }
  void end_wait(std::uint64_t user_data, int signal, std::uint32_t hart);
  unsigned waiting() const { return waiting_; }
  // The loop goes on on the thread's own stack, where whoever called it waits for its end; a step
  // that is kept there does not go on. Returns if that is where it is.
  void go_home();
  UpcallCounts counts() const;

 private:
  friend class Cleanup;
  static constexpr unsigned contexts = 16;
  static constexpr unsigned most_pages = 8;
  // The size of the stack that records a failed attempt and runs its cleanups.
  static constexpr std::size_t landing_bytes = 4096;

  // A step that stays where it is: as runtimes have them, it begins like a suspended coroutine.
  struct Kept {
    void (*resume)(Kept*);
    void (*destroy)(Kept*) = nullptr;
    std::coroutine_handle<> interrupted;  // where a promise has who awaits it
    async::Job* job = nullptr;
    std::byte* stack = nullptr;   // that it is on
    Attempt* attempt = nullptr;   // the innermost attempt around the step
    Cleanup* cleanups = nullptr;  // the innermost object of the step
    bool can_go_on = false;       // the page is there, or the exception handled
    bool goes_first = false;      // its job has a raised priority until it goes on
    std::uint8_t priority = 0;    // the job's own, which it has again then
    bool has_failed = false;      // its attempt has failed
  };
  static Upcalls& current();
  [[noreturn]] static void enter(std::uint64_t context, abi::Upcall why);
  [[noreturn]] void on_fault(std::uint64_t context);
  [[noreturn]] void on_exception(std::uint64_t context);
  [[noreturn]] void on_notification(std::uint64_t context);
  Kept& keep_step(std::uint64_t context, const char* reason);
  [[noreturn]] void resume(std::uint64_t context);
  [[noreturn]] void leave_for(Kept& kept);
  static void go_on(Kept* kept);
  static void stay(Kept* kept);
  static void end_wait(Kept& kept);
  static Exception exception(std::uint64_t context, const async::Job& job);
  void handle(Kept& kept);
  async::Task<> judge(Kept& kept, Exception exception);
  void leave_behind(Kept& kept);
  void give_back(std::byte*& stack);
  // Runs the cleanups up to `end`, which stays.
  static void clean_up(Cleanup*& innermost, const Cleanup* end);
  [[noreturn]] void fail_attempt(const Exception& exception);
  // Half of the contexts are in use: whoever can give one back goes first.
  bool are_scarce() const { return made_ - free_count_ > contexts / 2; }
  std::uint32_t what_it_takes() const {
    const bool takes_exceptions = on_exception_ != nullptr || attempt_ != nullptr;
    return abi::upcalls_open | (takes_exceptions ? abi::upcalls_take_exceptions : 0) |
           (waiting_ < most_pages ? abi::upcalls_take_pages : 0);
  }
  void set_attempt(Attempt* attempt);
  std::uint64_t number_of(const Kept& kept) const {
    return static_cast<std::uint64_t>(&kept - kept_.data());
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
  std::array<Kept, contexts> kept_{};
  std::array<std::byte*, contexts> free_{};  // stacks, by their highest addresses
  unsigned free_count_ = 0;
  unsigned made_ = 0;
  std::byte* own_ = nullptr;     // the one that the loop runs on; null: the thread's
  jmp_buf* home_ = nullptr;      // where the loop began, on the thread's stack
  Attempt* attempt_ = nullptr;   // the innermost attempt of the running step
  Cleanup* cleanups_ = nullptr;  // the innermost object of the running step
  alignas(16) std::array<std::byte, landing_bytes> landing_;
  std::byte* next_ = nullptr;  // the next upcall's
  unsigned waiting_ = 0;
  std::uint64_t pages_ = 0, pages_elsewhere_ = 0, exceptions_ = 0;
  std::atomic<std::uint64_t> arrived_ = 0;  // notifications, in the midst of a step
};

}  // namespace detail

// A local object that is destroyed even where its function never goes on: when an exception ends
// the attempt() around it, when its coroutine is left behind (Verdict::leave), or when run() ends
// while it waits for a page. Other objects are left as they are then, without their destructors.
//
//   user::attempt([&] {
//     user::Guarded<std::vector<int>> numbers{100};
//     fill(*numbers);  // may have an exception
//   });
//
// It is a local variable of one step: it does not outlive the next co_await. Its destructor has 2
// KiB of stack and touches nothing that the exception may have left half done.
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
