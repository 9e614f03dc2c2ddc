// A thread's upcalls (abi/upcall.h): the contexts that are kept while their pages come, and the
// notifications that are on their way to the program.
//
//   thread_life ──page fault──▶ leave(): keeps the context ──▶ the program's entry, on another
//   stack
//                                 └─▶ a coroutine sees to the page ──▶ a completion in the ring
//   notify(), from anywhere ──▶ tell(), before the program runs next ──▶ likewise, or the header
#pragma once

#include <abi/upcall.h>
#include <async/async.h>
#include <kernel/result.h>
#include <trap/trap.h>
#include <trap/user_context.h>

#include <atomic>
#include <memory>
#include <span>

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
  Upcalls(Thread& thread, const UpcallShape& shape);

  /// The thread's program, which has trapped, goes on with an upcall; a coroutine sees to what
  /// `why` (AddressSpace::fault's) says of the page. False: it has to wait itself.
  bool leave(trap::Trap fault, Errno why);
  /// See abi/upcall.h.
  Result<> resume(std::uint64_t context, std::uint32_t open, bool keep);

  /// Tells the program. Any context.
  void notify(std::uint64_t bits);
  /// Before the program goes on: makes an upcall for what has come, or writes it into the header.
  void tell();
  /// Whether the program, which is about to wait, has something to look at instead.
  bool has_news();

  Result<> notify_when(hal::Irq line, std::uint64_t bits);

  /// Nothing is kept any more, and nobody told.
  async::Task<> close();

  /// Of so many contexts.
  static constexpr std::size_t bytes(unsigned contexts);

 private:
  struct Context {
    enum class State : std::uint8_t { free, waiting, ready };
    State state = State::free;
    trap::UserContext registers;
  };
  struct Line : LineListener {
    Upcalls* owner = nullptr;
    std::uint64_t bits = 0;
  };

  abi::UpcallHeader* header();
  bool begin(abi::UpcallHeader& header, abi::Upcall reason, Context::State state,
             std::size_t& kept);
  async::Task<> see_to(std::size_t kept, trap::Trap fault, Errno why, std::uint64_t pc);

  Thread& thread_;
  const UpcallShape shape_;
  std::unique_ptr<Context[]> contexts_;
  std::array<Line, 2> lines_;  // of devices that tell it
  std::atomic<std::uint64_t> pending_ = 0;
  std::atomic<std::uint64_t> sent_ = 0;
  async::Scope scope_;
};

constexpr std::size_t Upcalls::bytes(unsigned contexts) {
  return sizeof(Upcalls) + contexts * sizeof(Context);
}

}  // namespace kernel
