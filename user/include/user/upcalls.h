// What happens to a program's loop in the midst of a step (abi/upcall.h): a page that the coroutine
// has to wait for, and notifications.
//
//   the loop, on one stack ─▶ a step ─▶ page fault: the step, and the loop below it, stay there
//   on_fault(), on another ─▶ the loop goes on: nothing that it knows is on a stack
//                             the page is there: the job is ready, and its step goes on on the
//                             first stack; the second one is free
#pragma once

#include <abi/upcall.h>
#include <async/async.h>

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "user/calls.h"

namespace user {

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
};

namespace detail {

class Upcalls {
 public:
  // Completions of the ring from here on are about contexts.
  Upcalls(std::uint64_t user_data, NotificationHandler handler)
      : user_data_{user_data}, handler_{handler} {}
  Upcalls(const Upcalls&) = delete;
  ~Upcalls();  // after the ring
  // After the thread has one. Where the kernel has no memory for it, faults stop the thread.
  void start();

  // Steps begin, and end.
  void open() { set_open(1); }
  void close() { set_open(0); }

  bool has_notifications() const {
    return has_pending() || arrived_.load(std::memory_order_relaxed) != 0;
  }
  // Those, told to the handler. Between two steps.
  std::uint64_t take_notifications();
  // In a step: what has come and is not masked any more is told at once.
  void mask(std::uint64_t bits);

  bool is_about_context(std::uint64_t user_data) const { return user_data - user_data_ < contexts; }
  void end_wait(std::uint64_t user_data, std::uint32_t hart);
  unsigned waiting() const { return waiting_; }
  // Whether the loop is on the thread's own stack, where whoever called it waits for its end. Where
  // it is kept there, it goes on there, and this does not return; false: a step is in its way.
  bool go_home();
  UpcallCounts counts() const;

 private:
  static constexpr unsigned contexts = 8;
  static constexpr int nowhere = -1;

  // A step that stays where it is: as runtimes have them, it begins like a suspended coroutine.
  struct Kept {
    void (*resume)(Kept*);
    void (*destroy)(Kept*) = nullptr;
    std::coroutine_handle<> interrupted;  // where a promise has who awaits it
    async::Job* job = nullptr;
    std::byte* stack = nullptr;  // that it is on
    bool is_there = false;       // the page
  };
  static Upcalls& current();
  [[noreturn]] static void enter(std::uint64_t context, abi::Upcall why);
  [[noreturn]] void on_fault(std::uint64_t context);
  [[noreturn]] void on_notification(std::uint64_t context);
  static void go_on(Kept* kept);
  void leave_for(Kept& kept);
  static void resume(std::uint64_t context, bool keep = false);
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
  const NotificationHandler handler_;
  std::array<Kept, contexts> kept_{};
  std::array<std::byte*, contexts> free_{};  // stacks, by their highest addresses
  unsigned free_count_ = 0;
  unsigned made_ = 0;
  std::byte* own_ = nullptr;   // the one that the loop runs on; null: the thread's
  int home_ = nowhere;         // the context in which the loop on the thread's stack is kept
  std::byte* next_ = nullptr;  // the next upcall's
  unsigned waiting_ = 0;
  std::uint64_t pages_ = 0, pages_elsewhere_ = 0;
  std::atomic<std::uint64_t> arrived_ = 0;  // notifications, in the midst of a step
};

}  // namespace detail
}  // namespace user
