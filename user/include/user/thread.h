// A thread of this process.
//
//   user::Thread worker{[&] { count(); }};   // its destructor joins it
//
// One mapping holds the stack, the function object and the thread-local storage, with a guard page
// below:  [ guard | stack … ← sp | Control | function object | thread-local storage ]
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "user/calls.h"

namespace user {

class Thread {
 public:
  struct Options {
    // Size of the mapping without the guard page, rounded up to whole pages.
    std::size_t stack_bytes = 64 * 1024;
    // Memory to use instead of a new mapping. The caller owns it; it has no guard page.
    std::span<std::byte> memory = {};
  };

  // Starts a thread that calls `function`, which is moved into the thread's memory. ENOMEM, EAGAIN.
  template <class F>
  static Result<Thread> start(F function, Options options);
  static Result<Thread> start(auto function) { return start(std::move(function), Options{}); }

  // As start(), but ends the program if the thread cannot be made.
  template <class F>
    requires std::is_invocable_v<F&>
  explicit Thread(F function) : Thread{or_fail(start(std::move(function), Options{}))} {}

  Thread(Thread&& other) noexcept
      : control_{std::exchange(other.control_, nullptr)},
        mapping_{std::exchange(other.mapping_, {})} {}
  Thread& operator=(Thread&& other) noexcept;
  ~Thread() { join(); }

  // Waits for the thread's end. A second call returns at once.
  void join();
  Pid id() const { return id_of(*control_); }

 private:
  struct Control {
    // Not 0 until the thread ends: then the kernel stores 0 and wakes waiters.
    std::atomic<std::uint32_t> alive;
    Pid id;
    void (*run)(void* object);  // calls and destroys the function object
    void* object;
    void* thread_pointer;
    std::byte* stack_top;
  };

  Thread(Control* control, std::span<std::byte> mapping) : control_{control}, mapping_{mapping} {}

  static Result<std::span<std::byte>> map_stack(std::size_t bytes);
  // Lays out thread-local storage, Control and room for the object at the top of `memory`.
  static Control* lay_out(std::span<std::byte> memory, std::size_t object_bytes);
  static Result<void> launch(Control& control);
  static Pid id_of(const Control& control) { return control.id; }
  static Thread or_fail(Result<Thread> thread);

  Control* control_ = nullptr;
  std::span<std::byte> mapping_;  // empty if the caller owns the memory
};

template <class F>
Result<Thread> Thread::start(F function, Options options) {
  static_assert(alignof(F) <= 16);
  std::span<std::byte> mapping;
  if (options.memory.empty()) {
    auto fresh = map_stack(options.stack_bytes);
    if (!fresh) return std::unexpected{fresh.error()};
    mapping = *fresh;
  }
  auto* control = lay_out(options.memory.empty() ? mapping : options.memory, sizeof(F));
  control->object = new (control->object) F(std::move(function));
  control->run = [](void* object) {
    auto* function = static_cast<F*>(object);
    (*function)();
    function->~F();
  };
  if (auto launched = launch(*control); !launched) {
    static_cast<F*>(control->object)->~F();
    if (!mapping.empty()) static_cast<void>(unmap_memory(mapping.data(), mapping.size()));
    return std::unexpected{launched.error()};
  }
  return Thread{control, mapping};
}

}  // namespace user
