#include <hal/bell.h>
#include <hal/timer.h>
#include <trap/broken_stack.h>
#include <trap/current_stack.h>

#include "self_tests/bell.h"
#include "self_tests/team.h"

namespace kernel::self_tests {
namespace {

using abi::BrokenStack;

async::Task<> serve() {
  (void)co_await bell().wait("the bell");
  quiet_bell();
  close_bell();
}

/// A stack pointer at which an interrupt must not store registers. Interrupts masked.
std::uintptr_t broken_stack_pointer(BrokenStack kind) {
  constexpr std::uintptr_t little = 64;  // bytes, fewer than an interrupt stores
  const hal::KernelStack& stack = *trap::current_stack;
  switch (kind) {
    case BrokenStack::has_overflowed: return stack.bottom - little;
    case BrokenStack::is_full: return stack.bottom + little;
    case BrokenStack::is_null: return 0;
    case BrokenStack::is_above: break;
  }
  return stack.top + little;
}

/// The kernel does not come back from this: it reports the broken stack.
async::Task<> take_ring(BrokenStack kind) {
  hal::mask_interrupts();
  hal::set_timer(hal::no_deadline);  // on a busy host the timer's interrupt would come first
  hal::ring_bell();
  cotrap_unmask_on_stack(broken_stack_pointer(kind));
  hal::unmask_interrupts();
  co_return;
}

async::Task<Result<Words>> ring_and_break(BrokenStack kind) {
  Team team;
  open_bell();
  team.start(serve(), "bell", above);
  team.start(take_ring(kind), "on a broken stack", computing);
  co_await team.wait(hal::ring_bell);
  co_return Words{};
}

}  // namespace

async::Task<Result<Words>> interrupt_broken_stack(BrokenStack kind) {
  return with_bell(ring_and_break(kind));
}

}  // namespace kernel::self_tests
