#include <trap/stack_switch.h>

#include "self_tests/self_tests.h"

namespace kernel::self_tests {
namespace {

// Two stacks of one hart: the self-test's and `other`. A switch runs on the stack `between` until
// it resumes the other stack. Only one self-test runs at a time. These are no members of one
// struct, because go_there() would then add the offset of `far_stack`.
constinit trap::StackContext near_stack, far_stack;
alignas(16) constinit std::byte other[2'048]{};
alignas(16) constinit std::byte between[512]{};

template <std::size_t bytes>
std::uintptr_t top_of(const std::byte (&memory)[bytes]) {
  return reinterpret_cast<std::uintptr_t>(memory + bytes);
}

void go_here() {
  near_stack.handle().resume();
}
void go_there() {
  far_stack.handle().resume();
}

/// Runs on the other stack and switches back each time. It never ends; the next self-test uses
/// its stack again.
void switch_stacks() {
  for (;;) trap::leave_stack(far_stack, top_of(between), go_here);
}

std::uint64_t change_over(std::uint64_t times, Counter counter) {
  const async::platform::InterruptGuard masked;
  trap::leave_stack(near_stack, top_of(other), switch_stacks);
  const std::uint64_t begin = counter.read();
  for (std::uint64_t i = 0; i < times; ++i) {
    trap::leave_stack(near_stack, top_of(between), go_there);
  }
  return counter.read() - begin;
}

}  // namespace

async::Task<Result<Words>> switch_stack(std::uint64_t times, Counter counter) {
  constexpr std::uint64_t most = 1'000;  // interrupts are masked during all switches
  if (times == 0 || times > most) co_return fail(Errno::einval);
  co_return Words{change_over(times, counter), 2 * times};
}

}  // namespace kernel::self_tests
