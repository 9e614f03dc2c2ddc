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
// A free stack stays mapped, for the next use of its size. Each loop of run() has a pool, which
// only its thread uses.
#pragma once

#include <async_platform.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace user::detail {

/// The end of a stack's memory. The stack grows down from its address.
struct alignas(16) Stack {
  std::uint64_t size;  // as Stackful::size_of() returns it
  Stack* next_free;
  std::uintptr_t guard_end;

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
      return map(size);
    free_[size] = stack->next_free;
    return stack;
  }
  /// The caller may still run on the stack until the next take().
  void give_back(Stack* stack) {
    stack->next_free = free_[stack->size];
    free_[stack->size] = stack;
  }

 private:
  Stack* map(unsigned size);

  unsigned count_ = 0;
  std::array<Stack*, 64> free_{};  // by size
};

inline constinit std::array<StackPool, async::platform::max_harts> stack_pools{};
/// The pool of this thread's loop.
inline StackPool& stack_pool() {
  return stack_pools[async::platform::hart()];
}

}  // namespace user::detail
