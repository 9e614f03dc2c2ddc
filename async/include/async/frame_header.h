// Objects that an executor resumes as it resumes a suspended coroutine.
//
// A suspended coroutine's frame begins with two functions, then the promise. Clang and GCC lay it
// out like this, and tests/unit/async/task.cpp tests the layout:
//
//   FrameHeader  resume, destroy
//   promise      of a task: begins with the handle of the coroutine that awaits the task
//
// A ForgedFrame has the same layout, which the same file tests. So a std::coroutine_handle may lead
// to it, and the await chain of a job leads through it (graph.h).
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

/// Base of an object that an executor resumes like a coroutine's frame. `Promise` is a task's
/// promise, or the handle of the next coroutine of the await chain. The functions of the header get
/// the address of the ForgedFrame, which from() turns into the object.
template <class Promise>
class ForgedFrame {
 public:
  std::coroutine_handle<> handle() noexcept { return header_.handle(); }

 protected:
  using Resume = void(void* frame) noexcept;
  using Destroy = void(void* frame) noexcept;

  explicit constexpr ForgedFrame(Resume* resume, Destroy* destroy = nullptr) noexcept
      : header_{.resume = resume, .destroy = destroy} {
    static_assert(sizeof(FrameHeader) % alignof(Promise) == 0);  // no gap before the promise
  }

  template <class Object>
  static Object& from(void* frame) noexcept {
    return static_cast<Object&>(*static_cast<ForgedFrame*>(frame));
  }

  FrameHeader header_;
  Promise promise_;
};

}  // namespace async
