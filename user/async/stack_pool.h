// The stacks of a program's coroutine runtime: those of upcalls (user/upcalls.h) and of stackful
// jobs (user/stackful.h).
//
//   mapping:  [ guard page | stack … ← sp | Stack | colour ]
//
// A switch touches the eight cache lines at a stack's end. If all stacks ended at the end of a
// page, these lines would use the same 8 of 64 sets of a cache, and a dozen jobs would evict each
// other's lines. So stacks of different colours end at different distances from the end of the
// page.
//
// A free stack stays mapped, for the next use of its size. Each loop of run() has a pool, from
// which only its thread takes. A stack may be free when another loop has it: it then goes back to
// the pool that has mapped it. So no pool grows although other loops end its jobs.
#pragma once

#include <async_platform.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "user/harts.h"
#include "user/preemption.h"

namespace user::detail {

/// The end of a stack's memory. The stack grows down from its address.
struct alignas(16) Stack {
  std::uint32_t size;  // as Stackful::size_of() returns it
  std::uint32_t hart;  // the pool of this hart has mapped the stack
  Stack* next_free;
  std::uintptr_t guard_end;
  // With several loops: of the step above the loop that runs on this stack.
  struct NoState {};
  [[no_unique_address]] std::conditional_t<several_loops, StepState, NoState> step;

  std::size_t bytes() const { return std::size_t{1} << size; }  // without the guard page
  bool has_guard_at(std::uintptr_t address) const { return guard_end - 1 - address < guard_bytes; }

  static constexpr std::size_t guard_bytes = 4096;
};

class StackPool {
 public:
  /// Returns a stack of 2^size bytes; null if there is no memory for it.
  Stack* take(unsigned size) {
    Stack* const stack = free_[size];
    if (stack == nullptr) [[unlikely]]
      return take_slowly(size);
    free_[size] = stack->next_free;
    return stack;
  }
  /// Frees a stack of any pool. If it is one of this thread's pool, the caller may still run on it
  /// until the next take().
  static void give_back(Stack* stack);

 private:
  Stack* take_slowly(unsigned size);
  Stack* map(unsigned size);
  void put(Stack* stack) {
    stack->next_free = free_[stack->size];
    free_[stack->size] = stack;
  }

  unsigned count_ = 0;
  std::array<Stack*, 64> free_{};  // by size
  // With several loops: stacks that other threads have freed, linked by next_free.
  std::atomic<Stack*> come_back_ = nullptr;
};

inline constinit std::array<StackPool, async::platform::max_harts> stack_pools{};
/// The pool of this thread's loop.
inline StackPool& stack_pool() {
  return stack_pools[async::platform::hart()];
}

inline void StackPool::give_back(Stack* stack) {
  if constexpr (several_loops) {
    if (stack->hart != async::platform::hart()) {
      std::atomic<Stack*>& others = stack_pools[stack->hart].come_back_;
      stack->next_free = others.load(std::memory_order_relaxed);
      while (!others.compare_exchange_weak(stack->next_free, stack, std::memory_order_release)) {
      }
      return;
    }
  }
  stack_pool().put(stack);
}

}  // namespace user::detail
