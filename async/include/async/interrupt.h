// Interrupt: how an interrupt handler (or another hart) wakes the one task that serves it.
//
//   handler:  claim(); irq.raise();          task:  for (;;) { co_await irq.wait("uart"); … }
//
// Raises are counted until the task takes them, so none is lost and many may come at once: wait()
// returns when there was at least one, and forgets them all.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>

#include "async/executor.h"
#include "async/job.h"

namespace async {

class Interrupt : public Node {
 public:
  /// `hart`: where its task runs; that hart's executor exists before the first raise().
  explicit Interrupt(unsigned hart = platform::hart()) noexcept : Node(Kind::interrupt, 0, hart) {}

  /// Any context, any hart. Lock-free. A second raise before the first was delivered costs one
  /// atomic addition.
  void raise() noexcept;
  /// The same for an interrupt handler of its hart: without the inbox where its task is
  /// preemptible, because wherever interrupts are let in that hart's queues are whole.
  void raise_here() noexcept;

  class [[nodiscard("co_await it")]] WaitOp {
   public:
    WaitOp(Interrupt& interrupt, const char* reason) noexcept
        : interrupt_(interrupt), reason_(reason) {}
    WaitOp(const WaitOp&) = delete;

    bool await_ready() noexcept;
    void await_suspend(std::coroutine_handle<> self) noexcept;
    WaitResult await_resume() noexcept;

   private:
    Interrupt& interrupt_;
    const char* reason_;
  };

  /// Until raised. A cancellation point. One task at a time, on the interrupt's hart.
  WaitOp wait(const char* reason = "interrupt") noexcept { return WaitOp(*this, reason); }

  /// How many raises the last wait() took.
  std::uint32_t taken() const noexcept { return taken_; }

 private:
  friend class Executor;
  void deliver() noexcept;  // task context: it came out of the inbox

  platform::Atomic<std::uint32_t> raised_ = 0;  // any context; not 0 exactly while in an inbox
  std::uint32_t pending_ = 0;                   // task context, as everything below
  std::uint32_t taken_ = 0;
  Job* waiter_ = nullptr;
};

}  // namespace async
