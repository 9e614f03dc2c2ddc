// Putting a stack aside in the midst of a function and coming back to it later: how a coroutine's
// step is preempted.
//
//   leave_stack(context, top, go_on)          go_on() runs at the top of another stack
//                                    …        and does whatever; the first stack stays as it is
//   context.handle().resume()                 leave_stack() returns; the stack that this was called
//                                             on is nobody's from then on
//
// To the compiler a suspended coroutine is an address at which the functions that resume and
// destroy it stand. A StackContext begins like that, so an executor resumes a stack exactly as it
// resumes a coroutine, without asking which of the two it has.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "../../stack_layout.h"

namespace trap {

struct StackContext;
extern "C" void cotrap_return_to_stack(StackContext* context);
extern "C" void cotrap_leave_stack(StackContext* context, std::uintptr_t top, void (*go_on)());

struct StackContext {
  void (*resume)(StackContext*) = cotrap_return_to_stack;
  void (*destroy)(StackContext*) = nullptr;  ///< a stack goes on, or stays where it is for ever
  /// Where a coroutine's promise has who awaits it: the coroutine whose step was preempted.
  std::coroutine_handle<> interrupted;
  std::uintptr_t sp = 0;

  std::coroutine_handle<> handle() { return std::coroutine_handle<>::from_address(this); }
};
static_assert(offsetof(StackContext, sp) == STACK_SP);

/// Interrupts masked, before and after. What a hart has of its own is to be looked up again after
/// it: it may be another hart that came back here.
inline void leave_stack(StackContext& context, std::uintptr_t top, void (*go_on)()) {
  cotrap_leave_stack(&context, top, go_on);
}

}  // namespace trap
