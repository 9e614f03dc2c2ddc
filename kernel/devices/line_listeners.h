// Listeners of an interrupt line besides its driver. The interrupt handler calls them directly.
#pragma once

#include <hal/interrupts.h>

#include <atomic>

namespace kernel {

class LineListener {
 public:
  /// Called in interrupt context, on the hart that takes the interrupt.
  using Raised = void (*)(LineListener&);

  LineListener() = default;
  LineListener(const LineListener&) = delete;
  ~LineListener() { stop(); }

  /// Starts listening. The listener must not be listening already. Call in a task.
  void start(hal::Irq irq, Raised raised);
  /// Stops listening. When it returns, no hart calls or will call the listener. Call in a task.
  void stop();
  hal::Irq irq() const { return irq_; }

  /// Calls all listeners of a line. Interrupt context.
  static void raise_all(hal::Irq irq);

  /// The number of listeners plus the number of harts that record a trace. If it is 0,
  /// take_interrupts() passes interrupts only to their drivers.
  static inline constinit std::atomic<unsigned> watchers = 0;

 private:
  hal::Irq irq_ = hal::Irq::none;
  Raised raised_ = nullptr;
  LineListener* next_ = nullptr;
};

}  // namespace kernel
