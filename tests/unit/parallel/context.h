// Stacks and the switches between them, for the explorer's threads.
//
// A run of the explorer takes some microseconds and switches stacks dozens of times. So a switch is
// __builtin_setjmp and __builtin_longjmp: a few instructions. swapcontext() would call the
// operating system each time.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

namespace parallel_test {

/// Where a suspended stack continues.
class Context {
 public:
  /// Suspends the running stack here and continues at `next`. Returns when a later call continues
  /// here.
  [[gnu::noinline, clang::no_sanitize("address")]] void switch_to(Context& next);

 private:
  friend class ContextStack;
  void leave_for(const Context& next);
  static void arrive();

  std::array<void*, 5> registers_{};  // the buffer of __builtin_setjmp
  // The stack, for AddressSanitizer.
  const void* bottom_ = nullptr;
  std::size_t bytes_ = 0;
};

/// A stack with memory of its own.
class ContextStack {
 public:
  static constexpr std::size_t bytes = 256 * 1024;

  /// `entry` must not return.
  explicit ContextStack(void (*entry)());
  ContextStack(const ContextStack&) = delete;

  /// Returns a context that calls `entry` on this stack. The frames that are on the stack are
  /// abandoned: no object in them is destroyed, and no context may continue in them.
  Context restart();

 private:
  [[gnu::noinline, clang::no_sanitize("address")]] void start();
  [[gnu::noinline, clang::no_sanitize("address")]] static void park();

  void (*const entry_)();
  Context head_;   // where park() waits for restart()
  Context maker_;  // where start() waits for park()
  const std::unique_ptr<std::byte[]> memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
};

}  // namespace parallel_test
