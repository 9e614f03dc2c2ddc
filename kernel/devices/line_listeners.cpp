#include "devices/line_listeners.h"

#include <async/platform.h>

#include <array>
#include <atomic>

namespace kernel {
namespace {

std::array<std::atomic<LineListener*>, hal::irq_limit> first_of;

std::atomic<LineListener*>& first(hal::Irq irq) {
  return first_of[static_cast<std::uint32_t>(irq)];
}

/// Protects all lists. Interrupts are masked while it is held, so a handler never spins on a lock
/// that its own hart holds.
class Lock {
 public:
  Lock() {
    while (taken.exchange(true, std::memory_order_acquire)) async::platform::relax();
  }
  ~Lock() { taken.store(false, std::memory_order_release); }

 private:
  async::platform::InterruptGuard masked_;
  static inline constinit std::atomic<bool> taken = false;
};

}  // namespace

void LineListener::start(hal::Irq irq, Raised raised) {
  irq_ = irq;
  raised_ = raised;
  const Lock lock;
  next_ = first(irq).load(std::memory_order_relaxed);
  first(irq).store(this, std::memory_order_relaxed);
  ++watchers;
}

void LineListener::stop() {
  if (irq_ == hal::Irq::none) return;
  const Lock lock;
  LineListener* before = nullptr;
  for (LineListener* at = first(irq_).load(std::memory_order_relaxed); at != this; at = at->next_) {
    before = at;
  }
  if (before != nullptr) {
    before->next_ = next_;
  } else {
    first(irq_).store(next_, std::memory_order_relaxed);
  }
  irq_ = hal::Irq::none;
  --watchers;
}

void LineListener::raise_all(hal::Irq irq) {
  const Lock lock;
  for (LineListener* at = first(irq).load(std::memory_order_relaxed); at != nullptr;
       at = at->next_) {
    at->raised_(*at);
  }
}

}  // namespace kernel
