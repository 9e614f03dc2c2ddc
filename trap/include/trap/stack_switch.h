// Suspends a function by leaving its stack, and resumes it later. This is how a step of a coroutine
// is preempted.
//
//   leave_stack(context, top, go_on)          saves this stack, calls go_on() at the top of another
//                                    …        the first stack stays unchanged
//   context.handle().resume()                 leave_stack() returns; the stack that called resume()
//                                             is free for reuse
//
// An executor resumes a left stack as it resumes a coroutine (async/frame_header.h).
#pragma once

#include <async/frame_header.h>

#include <coroutine>
#include <cstdint>

#include "../../stack_layout.h"

namespace trap {

struct StackContext;
extern "C" void cotrap_return_to_stack(void* context) noexcept;
extern "C" void cotrap_leave_stack(StackContext* context, std::uintptr_t top, void (*go_on)());

/// A left stack. It is never destroyed.
struct StackContext : async::ForgedFrame<std::coroutine_handle<>> {
  constexpr StackContext() noexcept : ForgedFrame{cotrap_return_to_stack} {}

  /// The coroutine whose step was preempted.
  std::coroutine_handle<>& interrupted() { return promise_; }

  std::uintptr_t sp = 0;
};
static_assert(sizeof(StackContext) ==
              STACK_SP + sizeof(std::uintptr_t));  // the assembler finds sp at STACK_SP

/// Call it with interrupts masked; they are masked when it returns. Another hart may have resumed
/// the stack, so look up per-hart data again afterwards.
inline void leave_stack(StackContext& context, std::uintptr_t top, void (*go_on)()) {
  cotrap_leave_stack(&context, top, go_on);
}

}  // namespace trap
