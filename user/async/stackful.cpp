#include "user/stackful.h"

#include "stack_pool.h"
#include "user/async.h"
#include "user/print.h"

namespace user::detail {
namespace {

// A wait needs less free stack than this. If the stack overflowed during a wait, the list of
// waiters would be half changed.
constexpr std::uintptr_t room_for_wait = 2048;

}  // namespace

void report_overflow(const Exception& exception) {
  if (running_stackful() == nullptr || exception.signal != abi::Signal::sigsegv) return;
  const Stack& stack = *running_stackful()->stack();
  if (!stack.has_guard_at(exception.address)) return;
  complain("the stack of job '{}' overflowed: it has {} bytes", exception.coroutine, stack.bytes());
}

Stack* Stackful::take_stack(unsigned size) {
  return size <= largest ? stack_pool().take(size) : nullptr;
}

void Stackful::give_back(Stack* stack) {
  StackPool::give_back(stack);
}

void* Stackful::place(Stack* stack, std::size_t bytes) {
  return reinterpret_cast<std::byte*>(stack) - (bytes + 15) / 16 * 16;
}

void Stackful::check_may_be_destroyed() const {
  if (state_ == State::started) fail_in_async("a stackful job is destroyed before its end");
}

Stackful& Stackful::about_to_wait() {
  // The stack also shows calls by other threads, and by notification handlers.
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const Stack* const stack = running_stackful() == nullptr ? nullptr : running_stackful()->stack();
  if (stack == nullptr || here < stack->guard_end ||
      here >= reinterpret_cast<std::uintptr_t>(stack))
    fail_in_async("only the function of a stackful job may call wait_for()");
  if (here < stack->guard_end + room_for_wait)  // the overflow is reported as any other
    *reinterpret_cast<volatile char*>(stack->guard_end - 1) = 0;
  if (this_step().preemption != StepState::Preemption::none ||
      async::platform::local().spin_locks != 0)
    fail_in_async("a stackful job waits in preemptible() or Unpreempted, or while it holds a lock");
  if (Loop::is_running() && Loop::current().upcalls().is_in_scope())
    fail_in_async("a stackful job waits in attempt(), or while it has a Guarded object");
  return *running_stackful();
}

void* Stackful::begin(void* top, void (*body)()) {
  if (Loop::is_running()) Loop::current().upcalls().report_overflows();
  state_ = State::started;
  return run(reinterpret_cast<std::uintptr_t>(top), body);
}

void Stackful::resume(void* self) noexcept {
  auto& stackful = from<Stackful>(self);
  void* const next = stackful.run(stackful.function_.sp, go_to_function);
  if (next == nullptr) return;
  [[clang::musttail]] return static_cast<async::FrameHeader*>(next)->resume(next);
}

// `top`: the free part of the function's stack.
void* Stackful::run(std::uintptr_t top, void (*go_on)()) {
  running_stackful() = this;
  trap::leave_stack(step_, top, go_on);
  running_stackful() = nullptr;
  if constexpr (several_loops) return after_(*this, next_);
  return next_;
}

void Stackful::leave(void* next) {
  next_ = next;
  trap::leave_stack(function_, step_.sp, go_to_step);
}

void Stackful::go_to_function() {
  running_stackful()->function_.handle().resume();
}

void Stackful::go_to_step() {
  running_stackful()->step_.handle().resume();
}

}  // namespace user::detail
