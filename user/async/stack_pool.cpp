#include "stack_pool.h"

#include <new>
#include <utility>

#include "user/calls.h"

namespace user::detail {
namespace {

static_assert(Stack::guard_bytes == page_size);
// A function that waits uses about 700 bytes, which all colours leave free in the last page. The
// colours' space is a page beyond the stack's size.
constexpr std::size_t colours = 7, colour_bytes = 512, colour_space = page_size;

}  // namespace

Stack* StackPool::take_slowly(unsigned size) {
  if constexpr (several_loops) {
    for (Stack* stack = come_back_.exchange(nullptr, std::memory_order_acquire); stack != nullptr;)
      put(std::exchange(stack, stack->next_free));
    if (free_[size] != nullptr) return std::exchange(free_[size], free_[size]->next_free);
  }
  return map(size);
}

Stack* StackPool::map(unsigned size) {
  const std::size_t bytes = Stack::guard_bytes + (std::size_t{1} << size) + colour_space;
  const auto memory = map_memory(bytes, abi::prot_read | abi::prot_write);
  if (!memory) return nullptr;
  const std::size_t colour = count_++ % colours * colour_bytes;
  auto* const end = reinterpret_cast<Stack*>(*memory + bytes - colour) - 1;
  // The kernel writes to the stack's last page first. If it has no memory for this page, the call
  // fails. A write by the program would end a process (docs/processes.md).
  const bool has_memory =
      protect_memory(*memory, Stack::guard_bytes, abi::prot_none) &&
      call(Call::clock_gettime, abi::clock_monotonic, reinterpret_cast<abi::Timespec*>(end));
  if (!has_memory) {
    static_cast<void>(unmap_memory(*memory, bytes));
    return nullptr;
  }
  const auto start = reinterpret_cast<std::uintptr_t>(*memory);
  return new (end) Stack{.size = size,
                         .hart = async::platform::hart(),
                         .next_free = nullptr,
                         .guard_end = start + Stack::guard_bytes,
                         .step = {}};
}

}  // namespace user::detail
