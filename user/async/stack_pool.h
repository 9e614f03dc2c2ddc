// The stacks of a program's coroutine runtime: those of upcalls (user/upcalls.h) and of stackful
// jobs (user/stackful.h).
//
//   mapping:  [ guard page | stack … ← sp | Stack ]
//
// A free stack stays mapped, for the next use of its size. Only the thread of run() uses the pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace user::detail {

/// The end of a stack's memory. The stack grows down from its address.
struct alignas(16) Stack {
  std::uint64_t size;  // as Stackful::size_of() returns it
  Stack* next_free;
  Stack* older;  // the next one in the list of all stacks

  std::size_t bytes() const { return std::size_t{1} << size; }  // without the guard page
  std::uintptr_t begin() const { return reinterpret_cast<std::uintptr_t>(this + 1) - bytes(); }
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
  /// The stack whose guard page contains `address`; null: none.
  const Stack* with_guard_at(std::uintptr_t address) const;

 private:
  Stack* map(unsigned size);

  Stack* newest_ = nullptr;
  std::array<Stack*, 64> free_{};  // by size
};

inline constinit StackPool stack_pool;

}  // namespace user::detail
