#include <trap/stack_switch.h>

#include "self_tests/self_tests.h"

namespace kernel::self_tests {
namespace {

/// Two stacks of one hart: the self-test's and `other`. A switch runs on the stack `between` until
/// it resumes the other stack.
struct Stacks {
  trap::StackContext here, there;
  alignas(16) std::byte other[2'048]{};
  alignas(16) std::byte between[512]{};
};
constinit Stacks stacks;  // only one self-test runs at a time

template <std::size_t bytes>
std::uintptr_t top_of(const std::byte (&memory)[bytes]) {
  return reinterpret_cast<std::uintptr_t>(memory + bytes);
}

void go_here() {
  stacks.here.handle().resume();
}
void go_there() {
  stacks.there.handle().resume();
}

/// Runs on the other stack and switches back each time. It never ends; the next self-test uses
/// its stack again.
void switch_stacks() {
  for (;;) trap::leave_stack(stacks.there, top_of(stacks.between), go_here);
}

std::uint64_t change_over(std::uint64_t times, Counter counter) {
  const async::platform::InterruptGuard masked;
  trap::leave_stack(stacks.here, top_of(stacks.other), switch_stacks);
  const std::uint64_t begin = counter.read();
  for (std::uint64_t i = 0; i < times; ++i) {
    trap::leave_stack(stacks.here, top_of(stacks.between), go_there);
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
