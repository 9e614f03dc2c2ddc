#include "context.h"

#include <ucontext.h>

#include <cstdlib>

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace parallel_test {

namespace {

ContextStack* made = nullptr;  // the stack whose constructor runs
Context* left = nullptr;       // the context that has been left last

}  // namespace

// AddressSanitizer learns which stack runs. It does not instrument the functions that call
// __builtin_longjmp: it takes that call for the end of all frames on the stack.

void Context::leave_for([[maybe_unused]] const Context& next) {
  left = this;
#if __has_feature(address_sanitizer)
  __sanitizer_start_switch_fiber(nullptr, next.bottom_, next.bytes_);
#endif
}

void Context::arrive() {
#if __has_feature(address_sanitizer)
  __sanitizer_finish_switch_fiber(nullptr, &left->bottom_, &left->bytes_);
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
  made = this;
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
  ContextStack* volatile const self = made;  // volatile: in memory, where each restart finds it
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
