// A thread's upcalls (abi/upcall.h): contexts of interrupted coroutines, and notifications for the
// program.
//
//   run_thread ──exception──▶ make_upcall(): saves the context ──▶ the program's entry, on
//                                │                                another stack
//                                └─▶ a fault worker pages in ──▶ a completion in the ring
//   notify(), any context ──▶ deliver_notifications(), before the program runs next
//                                ├─▶ `pending` in the program's UpcallHeader
//                                └─▶ an upcall, if the header allows one
//
// All functions run in the strand, except where one says "any context".
#pragma once

#include <abi/upcall.h>
#include <async/async.h>
#include <kernel/result.h>
#include <trap/trap.h>
#include <trap/user_context.h>

#include <array>
#include <atomic>
#include <memory>

#include "devices/line_listeners.h"
#include "rings/ring.h"

namespace kernel {

/// The arguments of upcall_set_up.
struct UpcallShape {
  hal::VirtAddr header;
  hal::VirtAddr entry;
  unsigned contexts;
  std::uint64_t user_data;
};

class Upcalls {
 public:
  /// The caller has checked that bytes() and most_bytes() can be allocated.
  Upcalls(Thread& thread, const UpcallShape& shape);
  ~Upcalls();

  /// Makes an upcall after the program has trapped with an exception. If waiting may resolve it
  /// (`why`: see serve_exception()), a fault worker waits in place of the thread. Returns false if
  /// there is no upcall: the thread itself waits or dies.
  bool make_upcall(trap::Trap trap, Errno why);

  // The system calls of abi/upcall.h.
  Result<> resume(std::uint64_t context, std::uint32_t open) {
    return resume_of(*this, context, open);
  }
  Result<> resume_of(Upcalls& owner, std::uint64_t context, std::uint32_t open);
  Result<abi::UpcallException> exception(std::uint64_t context);
  Result<> drop(std::uint64_t context);
  Result<> die(std::uint64_t context);

  /// Faults in the header's page for writing; returns the header's address. See Ring::own_pages().
  Result<std::byte*> own_page();

  /// Makes an upcall without notifications before the program runs again.
  void interrupt();
  /// Called after a completion in the ring for which the thread does not wait. Makes an upcall if
  /// the header takes completions.
  void on_completion();
  /// Posts notification bits for the program. Any context.
  void notify(std::uint64_t bits);
  /// Called before the program runs: makes an upcall for posted notifications, or only writes them
  /// into the header.
  void deliver_notifications();
  /// Whether notifications are pending, so that the program must not wait.
  bool has_events();

  Result<> notify_when(hal::Irq line, std::uint64_t bits);

  /// Ends the notifications of devices, cancels the fault workers, and waits for their end.
  async::Task<> close();

  /// The size of this object, and the most memory that the fault workers of all contexts need at a
  /// time.
  static constexpr std::size_t bytes(unsigned contexts);
  static constexpr std::size_t most_bytes(unsigned contexts) {
    return contexts * InFlightRequest::most_bytes;
  }

 private:
  struct Context {
    enum class State : std::uint8_t {
      free,
      waiting,  // for its page
      ready,
      abandoned,  // resumed while it waited: becomes free at the end of its fault worker
    };
    State state = State::free;
    bool takes_exceptions = false;
    abi::Signal signal{};  // of an exception that was not resolved
    trap::Trap trap{};
    trap::UserContext registers;
  };
  struct Line : LineListener {
    Upcalls* owner = nullptr;
    std::uint64_t bits = 0;
  };

  abi::UpcallHeader* header();
  template <trap::Cause cause>
  Context* begin(abi::UpcallHeader& header, std::uint32_t kind);
  bool wait_for_page(abi::UpcallHeader& header, trap::Trap trap, Errno why);
  bool raise_exception(abi::UpcallHeader& header, trap::Trap trap, Errno why);
  template <trap::Cause cause>
  void enter(abi::UpcallHeader& header, std::uint64_t stack, std::uint64_t context);
  async::Task<> run_fault_worker(Context& kept, Errno why);
  void die_of(const Context& kept);
  Context* find(std::uint64_t context);
  Context* find_stopped(std::uint64_t context);
  std::size_t number_of(const Context& context) const {
    return static_cast<std::size_t>(&context - contexts_.get());
  }

  Thread& thread_;
  const UpcallShape shape_;
  std::unique_ptr<Context[]> contexts_;
  abi::UpcallException attempted_;  // the last exception that used attempt_stack (abi/upcall.h)
  std::array<Line, 2> lines_;       // devices whose interrupts notify the program
  std::atomic<std::uint64_t> pending_ = 0;
  std::atomic<std::uint64_t> sent_ = 0;
  bool is_requested_ = false;  // interrupt() was called
  async::Scope scope_;
};

constexpr std::size_t Upcalls::bytes(unsigned contexts) {
  return sizeof(Upcalls) + contexts * sizeof(Context);
}

}  // namespace kernel
