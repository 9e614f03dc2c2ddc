// A hart's pool of kernel stacks. When an interrupt preempts a step, the step keeps its stack, and
// the hart's executor continues on a stack of the pool.
//
// The number of stacks is fixed, and each is above a guard page. While none is free, steps are not
// preempted; the pool counts that.
//
// A preempted step takes its stack along if another hart resumes it. That hart gives its present
// stack to the pool of the hart on which the step was preempted. So each pool keeps its number of
// stacks, if those of the steps that its hart preempted are counted.
#pragma once

#include <hal/counter.h>
#include <hal/kernel_map.h>
#include <trap/current_stack.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace kernel {

class StackPool {
 public:
  static constexpr std::size_t pages_a_stack = 4;
  static constexpr std::size_t stacks_a_hart = 4;

  struct Stack : hal::KernelStack {
    Stack* next_free = nullptr;
  };

  struct Usage {
    std::size_t free;         ///< free stacks now
    std::size_t fewest_free;  ///< the fewest at any time
    std::uint64_t refused;    ///< how often no stack was free
    std::uint64_t came;       ///< stacks that came with steps preempted on other harts
    /// The most bytes ever used of each stack that the pool made.
    std::array<std::size_t, stacks_a_hart> most_bytes;
  };

  /// Maps the stacks; fewer if there is no memory. The hart's first stack, which is in use now,
  /// extends from `first_top` down. Call once on each hart, not on two harts at a time.
  void fill(hal::VirtAddr first_top);

  // Call the following on the pool's hart with interrupts masked.

  /// Returns a free stack; null if there is none, which is counted.
  Stack* take() {
    Stack* stack = free_;
    if (stack == nullptr) [[unlikely]] {
      stack = free_ = returned_.exchange(nullptr, std::memory_order_acquire);
      if (stack == nullptr) {
        ++refused_;
        return nullptr;
      }
    }
    free_ = stack->next_free;
    const std::size_t left = free_count_.fetch_sub(1, std::memory_order_relaxed) - 1;
    if (left < fewest_free_.load(std::memory_order_relaxed)) [[unlikely]]
      fewest_free_.store(left, std::memory_order_relaxed);
    return stack;
  }
  /// Called before the hart accesses a stack of another hart. Flushes this hart's TLB if stacks
  /// have been mapped since the last flush.
  void prepare_to_go_back() {
    if (seen_ != fills_.load(std::memory_order_relaxed)) [[unlikely]]
      forget_translations();
  }
  /// The stack in use.
  Stack* current() const {
    return static_cast<Stack*>(const_cast<hal::KernelStack*>(trap::current_stack));
  }
  /// The hart continues on `stack`, whose step was preempted on the hart of `home`. The stack in
  /// use until now becomes free in `home`.
  void go_back_to(Stack* stack, StackPool& home);
  /// Records that the hart continues on `stack`, which take() returned. Does not switch to it.
  void go_to(Stack* stack) { trap::current_stack = stack; }

  /// The usage of the pool of `hart`. Any context; it reads every stack from its bottom up. Zeros
  /// before fill().
  static Usage usage_of(unsigned hart);

 private:
  void add_free(Stack* stack);
  void give_back(Stack* stack);  // called on any hart; pairs with take()
  void forget_translations();
  static std::size_t most_bytes(const Stack& stack);

  std::array<Stack, stacks_a_hart + 1> stacks_{};
  Stack* free_ = nullptr;
  // Free stacks that other harts have pushed. take() takes the whole list.
  std::atomic<Stack*> returned_ = nullptr;
  std::atomic<std::size_t> free_count_ = 0;  // the length of both lists
  std::atomic<std::size_t> fewest_free_ = 0;
  hal::Counter refused_;
  hal::Counter came_;
  unsigned seen_ = 0;  // the value of fills_ at this hart's last flush

  static inline constinit std::atomic<unsigned> fills_ = 0;
};

/// This hart's pool.
extern constinit thread_local StackPool stack_pool;

}  // namespace kernel
