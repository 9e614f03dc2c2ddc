// Suspends a function by leaving its stack, and resumes it later. This is how a step of a coroutine
// is preempted.
//
//   leave_stack(context, top, go_on)          saves this stack, calls go_on() at the top of another
//                                    …        the first stack stays unchanged
//   context.handle().resume()                 leave_stack() returns; the stack that called resume()
//                                             is free for reuse
//
// The compiler represents a suspended coroutine as an address that holds two pointers: its resume
// and its destroy function. A StackContext begins with the same two pointers. So an executor
// resumes a stack exactly as it resumes a coroutine.
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
  void (*destroy)(StackContext*) = nullptr;  ///< a left stack is never destroyed
  /// The coroutine whose step was preempted. A task's promise has its parent at this offset, so a
  /// job's await chain leads from the context to this coroutine (async/graph.h).
  std::coroutine_handle<> interrupted;
  std::uintptr_t sp = 0;

  std::coroutine_handle<> handle() { return std::coroutine_handle<>::from_address(this); }
};
static_assert(offsetof(StackContext, sp) == STACK_SP);

/// Call it with interrupts masked; they are masked when it returns. Another hart may have resumed
/// the stack, so look up per-hart data again afterwards.
inline void leave_stack(StackContext& context, std::uintptr_t top, void (*go_on)()) {
  cotrap_leave_stack(&context, top, go_on);
}

}  // namespace trap
