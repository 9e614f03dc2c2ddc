// Who else is told when a device raises its line, besides its driver, and at once: within the
// interrupt, with no coroutine in between.
#pragma once

#include <hal/interrupts.h>

#include <atomic>

namespace kernel {

class LineListener {
 public:
  /// In ISR context, on the hart that takes the interrupt.
  using Raised = void (*)(LineListener&);

  LineListener() = default;
  LineListener(const LineListener&) = delete;
  ~LineListener() { stop(); }

  /// In no line's list. Task context, as the next.
  void start(hal::Irq irq, Raised raised);
  /// When it returns, nobody is telling it, and nobody will.
  void stop();
  hal::Irq irq() const { return irq_; }

  /// Tells all of a line. ISR context.
  static void tell(hal::Irq irq);

  /// Who wants to know of interrupts, besides drivers: listeners, and whoever else adds himself. So
  /// that there is one question to ask.
  static inline constinit std::atomic<unsigned> watchers = 0;

 private:
  hal::Irq irq_ = hal::Irq::none;
  Raised raised_ = nullptr;
  LineListener* next_ = nullptr;
};

}  // namespace kernel
