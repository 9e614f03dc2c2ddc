// The stacks that a hart's executor goes on with when it has been interrupted in the midst of a
// coroutine's step and the stack below it has become that coroutine's.
//
// There is a fixed number of them, each over a page that is never mapped. When all are taken
// nothing is preempted any more until one comes back, and that is counted.
//
// A step that was preempted takes its stack with it to whichever hart goes on with it. The stack
// which that hart was on until then goes where the step came from: so every pool has as many
// stacks as ever, with those that stand for the steps its hart has preempted.
#pragma once

#include <hal/counter.h>
#include <hal/kernel_map.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace kernel {

class StackPool {
 public:
  static constexpr std::size_t pages_a_stack = 4;
  static constexpr std::size_t stacks_a_hart = 4;

  struct Stack {
    hal::KernelStack memory{};
    Stack* next_free = nullptr;
  };

  struct Usage {
    std::size_t free;                                   ///< now
    std::size_t fewest_free;                            ///< at any time
    std::uint64_t refused;                              ///< how often there was none
    std::uint64_t came;                                 ///< with steps preempted on other harts
    std::array<std::size_t, stacks_a_hart> most_bytes;  ///< that each it has made ever held
  };

  /// Makes the stacks, fewer if there is no memory for them. The one in use is free below
  /// `first_top` when the hart changes over to another. Once; one hart at a time.
  void fill(hal::VirtAddr first_top);

  // On the pool's hart, interrupts masked.

  /// A free stack to go on with; null if there is none, which is counted. The one in use becomes
  /// its step's.
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
  /// Before the hart looks at a stack that may have come from another one, which has mapped it.
  void prepare_to_go_back() {
    if (seen_ != fills_.load(std::memory_order_relaxed)) [[unlikely]]
      forget_translations();
  }
  /// The stack in use.
  Stack* current() const { return current_; }
  /// The hart goes on with `stack`, whose step was preempted on the hart of `home`; the one in use
  /// is free there from now on.
  void go_back_to(Stack* stack, StackPool& home);
  /// … and was taken: it is in use now.
  void go_to(Stack* stack) { current_ = stack; }

  /// Of any hart, by any: looks at every stack from its bottom up. Zeros before fill().
  static Usage usage_of(unsigned hart);

 private:
  void add_free(Stack* stack);
  void give_back(Stack* stack);  // any hart
  void forget_translations();
  static std::size_t most_bytes(const Stack& stack);

  std::array<Stack, stacks_a_hart + 1> stacks_{};
  Stack* current_ = nullptr;
  Stack* free_ = nullptr;
  std::atomic<Stack*> returned_ = nullptr;   // free, too: by other harts, who only add to it
  std::atomic<std::size_t> free_count_ = 0;  // of both
  std::atomic<std::size_t> fewest_free_ = 0;
  hal::Counter refused_;
  hal::Counter came_;
  unsigned seen_ = 0;  // how many fills this hart's TLB knows of

  static inline constinit std::atomic<unsigned> fills_ = 0;
};

/// The running hart's.
extern constinit thread_local StackPool stack_pool;

}  // namespace kernel
