#include "async/interrupt.h"

#include <utility>

namespace async {

void Interrupt::raise() noexcept {
  platform::InterruptGuard masked;  // see Executor::push()
  if (raised_.fetch_add(1, std::memory_order_acq_rel) == 0) Executor::of(hart)->push(*this);
}

/// Ends the wait of `waiter`, unless it has ended already. Interrupts masked.
inline void Interrupt::wake(Job& waiter) noexcept {
  if (waiter.kind == Kind::waiting) waiter.complete_alone(WaitResult::woken);
}

void Interrupt::deliver_here() noexcept {
  Job* const waiter = waiter_;
  if (waiter == nullptr || !waiter->is_preemptible()) return;
  if (!Executor::current().take_from_inbox(*this)) return;
  pending_ += raised_.exchange(0, std::memory_order_acq_rel);
  wake(*waiter);
}

void Interrupt::deliver() noexcept {
  pending_ += raised_.exchange(0, std::memory_order_acq_rel);
  if (waiter_ != nullptr) wake(*waiter_);
}

bool Interrupt::WaitOp::await_ready() noexcept {
  platform::begin_wait();
  Job& job = current_job();
  const bool refused = job.refuses_to_wait();
  if (!refused) job.set_result(WaitResult::woken);
  if (!refused && interrupt_.pending_ == 0) return false;
  job.cancel_wait();
  return true;
}

void Interrupt::WaitOp::await_suspend(std::coroutine_handle<> self) noexcept {
  if (interrupt_.waiter_ != nullptr) platform::fail("two jobs wait for one interrupt");
  Job& job = current_job();
  if constexpr (platform::checked) {
    if (job.migrates())
      platform::fail("a preemptible job that waits for an interrupt must be bound to one hart");
  }
  interrupt_.waiter_ = &job;
  job.prepare(&interrupt_, reason_);
  job.suspend_alone(self);
}

WaitResult Interrupt::WaitOp::await_resume() noexcept {
  platform::InterruptGuard masked;
  const WaitResult result = current_job().result();
  interrupt_.waiter_ = nullptr;
  // A cancelled wait leaves its raises for the next wait.
  if (result == WaitResult::woken) interrupt_.taken_ = std::exchange(interrupt_.pending_, 0);
  return result;
}

}  // namespace async
