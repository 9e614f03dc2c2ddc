#include "sched/stack_pool.h"

#include <hal/hart.h>
#include <hal/machine/translation.h>

#include <utility>

namespace kernel {

constinit thread_local StackPool stack_pool;

namespace {

constinit std::array<const StackPool*, hal::max_harts> pools{};

}  // namespace

void StackPool::fill(hal::VirtAddr first_top) {
  stacks_[0].bottom = hal::bottom_of_first_stack();
  stacks_[0].top = first_top / 16 * 16;
  go_to(&stacks_[0]);
  for (std::size_t i = 1; i < stacks_.size(); ++i) {
    const auto memory = hal::map_kernel_stack(pages_a_stack);
    if (!memory) break;
    static_cast<hal::KernelStack&>(stacks_[i]) = *memory;
    add_free(&stacks_[i]);
  }
  fewest_free_.store(free_count_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  pools[hal::hart_index()] = this;
  fills_.fetch_add(1, std::memory_order_release);
}

void StackPool::forget_translations() {
  seen_ = fills_.load(std::memory_order_acquire);
  hal::flush_all();
}

void StackPool::go_back_to(Stack* stack, StackPool& home) {
  Stack* const unused = current();
  go_to(stack);
  if (&home == this) return add_free(unused);
  ++came_;
  home.give_back(unused);
}

void StackPool::add_free(Stack* stack) {
  stack->next_free = free_;
  free_ = stack;
  free_count_.fetch_add(1, std::memory_order_relaxed);
}

[[gnu::noinline]] void StackPool::give_back(Stack* stack) {
  // Before take() can return the stack, so that the count does not fall below 0.
  free_count_.fetch_add(1, std::memory_order_relaxed);
  stack->next_free = returned_.load(std::memory_order_relaxed);
  while (!returned_.compare_exchange_weak(stack->next_free, stack, std::memory_order_release,
                                          std::memory_order_relaxed)) {
  }
}

// The stack may be in use on another hart.
[[clang::no_sanitize("thread")]] std::size_t StackPool::most_bytes(const Stack& stack) {
  // The stack's pages were zero when they were mapped: the lowest word that is not zero is the
  // lowest ever written.
  const auto* const bottom = reinterpret_cast<const std::uint64_t*>(stack.bottom);
  const auto* const top = reinterpret_cast<const std::uint64_t*>(stack.top);
  const auto* used = bottom;
  while (used != top && *used == 0) ++used;
  return static_cast<std::size_t>(top - used) * sizeof *used;
}

StackPool::Usage StackPool::usage_of(unsigned hart) {
  const StackPool* const pool = pools[hart];
  if (pool == nullptr) return {};
  Usage usage{.free = pool->free_count_.load(std::memory_order_relaxed),
              .fewest_free = pool->fewest_free_.load(std::memory_order_relaxed),
              .refused = pool->refused_.value(),
              .came = pool->came_.value()};
  for (std::size_t i = 0; i < stacks_a_hart; ++i) {
    usage.most_bytes[i] = most_bytes(pool->stacks_[i + 1]);
  }
  return usage;
}

}  // namespace kernel
