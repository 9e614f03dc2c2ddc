#include "syscalls/own_calls.h"

#include <trap/run_user.h>

#include <algorithm>

#include "process/thread.h"
#include "syscalls/unknown.h"

namespace kernel {

constexpr OwnCallTable own_calls = OwnCallTable{unknown_call}.with<sys::bare_trips>(0);

trap::Register sys::bare_trips(Thread& self, unsigned trips) {
  constexpr unsigned most = 10'000;  // a few microseconds each: others have to wait
  constexpr trap::Register constant = 0;
  trap::UserContext& context = self.context();
  context.set_syscall_result(constant);
  async::Strand::leave();
  struct Back {
    ~Back() { async::Strand::enter(); }
  } back;
  for (unsigned left = std::min(trips, most); left > 0; --left) {
    if (trap::run_user(context).kind != trap::Trap::syscall) {
      // Tried again: an instruction faults again, an interrupt is still pending.
      return context.x[trap::UserContext::a0];
    }
    context.skip_syscall_instruction();
    context.set_syscall_result(constant);
  }
  return constant;
}

}  // namespace kernel
