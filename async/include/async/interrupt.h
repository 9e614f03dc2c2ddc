// Interrupt: an interrupt handler, or another hart, raises it to wake the one task that serves it.
//
//   handler:  claim(); irq.raise();          task:  for (;;) { co_await irq.wait("uart"); … }
//
// Raises are counted until the task takes them, so no raise is lost. wait() returns when there was
// at least one raise, and takes all of them.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "async/executor.h"
#include "async/job.h"

namespace async {

class Interrupt : public Node {
 public:
  /// `hart` is the hart on which the waiting task runs. That hart's executor must exist before
  /// raise().
  explicit Interrupt(unsigned hart = platform::hart()) noexcept : Node(Kind::interrupt, 0, hart) {}

  /// Wakes the task. Any context, any hart. Lock-free. A second raise before the first is delivered
  /// costs one atomic addition.
  void raise() noexcept;
  /// For an interrupt handler, after a raise: takes the interrupt out of this hart's inbox and
  /// wakes the waiting task directly. This is safe because a hart's queues are consistent wherever
  /// its interrupts are unmasked. Changes nothing if the task is not preemptible, or if the inbox
  /// has other entries: then the raise is delivered when the inbox is drained.
  void deliver_here() noexcept;

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

  /// Waits for a raise. A cancellation point. Call it on the interrupt's hart. A second task that
  /// waits at the same time fails.
  WaitOp wait(const char* reason = "interrupt") noexcept { return WaitOp(*this, reason); }

  /// How many raises the last wait() took.
  std::uint32_t taken() const noexcept { return taken_; }
  /// How many raises are on their way: counted, but not delivered yet. Any context.
  std::uint32_t raised() const noexcept { return raised_.load(std::memory_order_relaxed); }

  /// The offset of the counter that raise() increments. For trap entries, which raise in assembly.
  static consteval std::size_t raised_offset() noexcept;

 private:
  friend class Executor;
  void deliver() noexcept;  // called when the inbox is drained; task context, interrupts masked
  static void wake(Job& waiter) noexcept;

  platform::Atomic<std::uint32_t> raised_ = 0;  // any context; not 0 while this is in an inbox
  // Only the interrupt's hart writes the rest, with interrupts masked.
  std::uint32_t pending_ = 0;  // raises that are delivered, and that no wait() has taken yet
  std::uint32_t taken_ = 0;
  Job* waiter_ = nullptr;
};

// Interrupt has a base class. Clang and GCC support offsetof in such a class.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
consteval std::size_t Interrupt::raised_offset() noexcept {
  return offsetof(Interrupt, raised_);
}
#pragma GCC diagnostic pop

}  // namespace async
