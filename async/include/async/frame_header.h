// The beginning of a suspended coroutine's frame: two functions, then the promise. Clang and GCC
// lay it out like this, so an object that begins with a FrameHeader can be resumed like a
// coroutine. tests/unit/async/task.cpp tests the layout.
#pragma once

#include <coroutine>

namespace async {

struct FrameHeader {
  void (*resume)(void* frame);
  void (*destroy)(void* frame) noexcept;  ///< null: the frame is not destroyed through its handle

  std::coroutine_handle<> handle() noexcept { return std::coroutine_handle<>::from_address(this); }
  static const FrameHeader& of(std::coroutine_handle<> suspended) noexcept {
    return *static_cast<const FrameHeader*>(suspended.address());
  }
};

static_assert(sizeof(FrameHeader) == 2 * sizeof(void*));

}  // namespace async
