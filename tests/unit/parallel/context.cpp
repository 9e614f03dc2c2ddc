#include "context.h"

#include <ucontext.h>

#include <cstdlib>

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace parallel_test {

namespace {

ContextStack* under_construction = nullptr;
Context* last_left = nullptr;  // the context that has been left last

}  // namespace

// leave_for() and arrive() tell AddressSanitizer which stack runs. Functions that call
// __builtin_longjmp are not instrumented, because AddressSanitizer would unpoison the whole stack
// at that call.

void Context::leave_for([[maybe_unused]] const Context& next) {
  last_left = this;
#if __has_feature(address_sanitizer)
  __sanitizer_start_switch_fiber(nullptr, next.bottom_, next.bytes_);
#endif
}

void Context::arrive() {
#if __has_feature(address_sanitizer)
  __sanitizer_finish_switch_fiber(nullptr, &last_left->bottom_, &last_left->bytes_);
#endif
}

void Context::switch_to(Context& next) {
  leave_for(next);
  if (__builtin_setjmp(registers_.data()) == 0) __builtin_longjmp(next.registers_.data(), 1);
  arrive();
}

ContextStack::ContextStack(void (*entry)()) : entry_(entry) {
  head_.bottom_ = memory_.get();
  head_.bytes_ = bytes;
  under_construction = this;
  start();
}

/// Enters park(), and returns when park() waits for restart().
void ContextStack::start() {
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = memory_.get();
  context.uc_stack.ss_size = bytes;
  context.uc_link = nullptr;
  makecontext(&context, park, 0);
  maker_.leave_for(head_);
  if (__builtin_setjmp(maker_.registers_.data()) == 0) setcontext(&context);
  Context::arrive();
}

/// The first frame of the stack. It is never abandoned, so each restart continues in it.
void ContextStack::park() {
  ContextStack* volatile const self = under_construction;
  // `self` is volatile, because __builtin_longjmp does not restore registers.
  Context::arrive();
  if (__builtin_setjmp(self->head_.registers_.data()) == 0) {
    self->head_.leave_for(self->maker_);
    __builtin_longjmp(self->maker_.registers_.data(), 1);
  }
  Context::arrive();
  self->entry_();
  std::abort();
}

Context ContextStack::restart() {
#if __has_feature(address_sanitizer)
  __asan_unpoison_memory_region(memory_.get(), bytes);  // poisoned by the abandoned frames
#endif
  return head_;
}

}  // namespace parallel_test
