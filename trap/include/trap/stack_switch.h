// Suspends a function by leaving its stack, and resumes it later. This is how a step of a coroutine
// is preempted.
//
//   leave_stack(context, top, go_on)          saves this stack, calls go_on() at the top of another
//                                    …        the first stack stays unchanged
//   context.handle().resume()                 leave_stack() returns; the stack that called resume()
//                                             is free for reuse
//
// A StackContext begins like a suspended coroutine's frame (async/frame_header.h). So an executor
// resumes a stack exactly as it resumes a coroutine.
#pragma once

#include <async/frame_header.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "../../stack_layout.h"

namespace trap {

struct StackContext;
extern "C" void cotrap_return_to_stack(void* context) noexcept;
extern "C" void cotrap_leave_stack(StackContext* context, std::uintptr_t top, void (*go_on)());

struct StackContext {
  /// A left stack is never destroyed.
  async::FrameHeader header{.resume = cotrap_return_to_stack, .destroy = nullptr};
  /// The coroutine whose step was preempted. A task's promise has its parent at this offset, so a
  /// job's await chain leads from the context to this coroutine (async/graph.h).
  std::coroutine_handle<> interrupted;
  std::uintptr_t sp = 0;

  std::coroutine_handle<> handle() { return header.handle(); }
};
static_assert(offsetof(StackContext, header) == 0);
static_assert(offsetof(StackContext, interrupted) == sizeof(async::FrameHeader));
static_assert(offsetof(StackContext, sp) == STACK_SP);

/// Call it with interrupts masked; they are masked when it returns. Another hart may have resumed
/// the stack, so look up per-hart data again afterwards.
inline void leave_stack(StackContext& context, std::uintptr_t top, void (*go_on)()) {
  cotrap_leave_stack(&context, top, go_on);
}

}  // namespace trap
