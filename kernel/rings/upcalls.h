// A thread's upcalls (abi/upcall.h): the contexts that are kept while their pages come, and the
// notifications that are on their way to the program.
//
//   run_thread ──exception──▶ leave(): keeps the context ──▶ the program's entry, on another stack
//                                └─▶ a coroutine sees to the page ──▶ a completion in the ring
//   notify(), from anywhere ──▶ tell(), before the program runs next ──▶ likewise, or the header
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

/// What upcall_set_up was told.
struct UpcallShape {
  hal::VirtAddr header;
  hal::VirtAddr entry;
  unsigned contexts;
  std::uint64_t user_data;
};

class Upcalls {
 public:
  /// There is memory for bytes() and most_bytes().
  Upcalls(Thread& thread, const UpcallShape& shape);
  ~Upcalls();

  /// The thread's program, which has trapped, goes on with an upcall. Where a page can be waited
  /// for (`why`: see serve_exception), a coroutine does. False: the thread itself has to wait, or
  /// to die.
  bool leave(trap::Trap trap, Errno why);

  // See abi/upcall.h.
  Result<> resume(std::uint64_t context, std::uint32_t open);
  Result<abi::UpcallException> exception(std::uint64_t context);
  Result<> drop(std::uint64_t context);
  Result<> die(std::uint64_t context);

  /// The header's, where it is: see Ring::own_pages().
  Result<std::byte*> own_page();

  /// Tells the program. Any context.
  void notify(std::uint64_t bits);
  /// Before the program goes on: makes an upcall for what has come, or writes it into the header.
  void tell();
  /// Whether the program, which is about to wait, has something to look at instead.
  bool has_events();

  Result<> notify_when(hal::Irq line, std::uint64_t bits);

  /// Nothing is kept any more, and nobody told.
  async::Task<> close();

  /// Of so many contexts; and what the kernel may come to need to see to the pages of all.
  static constexpr std::size_t bytes(unsigned contexts);
  static constexpr std::size_t most_bytes(unsigned contexts) {
    return contexts * InFlightRequest::most_bytes;
  }

 private:
  struct Context {
    enum class State : std::uint8_t { free, waiting, ready };
    State state = State::free;
    bool takes_exceptions = false;
    abi::Signal signal{};  // of an exception that nobody has mended
    trap::Trap trap{};
    trap::UserContext registers;
  };
  struct Line : LineListener {
    Upcalls* owner = nullptr;
    std::uint64_t bits = 0;
  };

  abi::UpcallHeader* header();
  Context* begin(abi::UpcallHeader& header, abi::Upcall reason, std::uint32_t kind);
  bool wait_for_page(abi::UpcallHeader& header, trap::Trap trap, Errno why);
  bool tell_of(abi::UpcallHeader& header, trap::Trap trap, Errno why);
  void enter(abi::UpcallHeader& header, std::uint64_t stack, std::uint64_t context,
             abi::Upcall reason);
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
  abi::UpcallException attempted_;  // the last one that was not kept
  std::array<Line, 2> lines_;       // of devices that tell it
  std::atomic<std::uint64_t> pending_ = 0;
  std::atomic<std::uint64_t> sent_ = 0;
  async::Scope scope_;
};

constexpr std::size_t Upcalls::bytes(unsigned contexts) {
  return sizeof(Upcalls) + contexts * sizeof(Context);
}

}  // namespace kernel
