// The system call that measures the bare way into the kernel and back (abi::Trips).
#include <trap/handler.h>
#include <trap/run_user.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "devices/interrupts.h"
#include "dispatch/private_calls.h"
#include "process/thread.h"

namespace kernel {
namespace {

constexpr trap::Register constant = 0;  // result of a bare trip

/// Cleans up after the last trip of bare_trips(), which ended with a trap of another kind than
/// Trap::syscall. If the trap comes from the fast path, this hart is in the strand, and the
/// function leaves it. If the fast path has not answered the call, the function sets the program
/// counter back, so that the program makes the call again.
[[gnu::noinline, gnu::cold]] void end_trips(trap::UserContext& context, trap::Trap::Kind kind) {
  const bool waits = kind == trap::Trap::would_block;
  if (waits) context.go_back_to_syscall_instruction();
  if (waits || kind == trap::Trap::call_answered) async::Strand::leave();
}

/// In the trap shape `handler`: while it exists, traps on this hart call `handler` instead of
/// cotrap_handle_trap(). No await in between.
class TrapsCall {
 public:
  explicit TrapsCall(trap::TrapHandler handler) {
    if constexpr (trap::traps_call_handler) trap::trap_handler = handler;
  }
  TrapsCall(const TrapsCall&) = delete;
  ~TrapsCall() {
    if constexpr (trap::traps_call_handler) trap::trap_handler = cotrap_handle_trap;
  }
};

/// Not inlined and tail-called, so that the handlers below need no stack frame for trips.
[[gnu::noinline, gnu::cold]] std::uint64_t take_and_leave(trap::UserContext&, std::uint64_t cause,
                                                          async::Interrupt* claimed) {
  take_interrupts(claimed);
  return cause;
}

/// Leaves every trap to the caller of run_user().
std::uint64_t leave_trap(trap::UserContext& context, std::uint64_t cause,
                         async::Interrupt* claimed) {
  if (claimed == nullptr) return cause;
  [[clang::musttail]] return take_and_leave(context, cause, claimed);
}

/// How many trips are left on this hart. answer_trip() answers all but the last one, for which
/// run_user() returns.
constinit thread_local unsigned trips_in_handler = 0;

/// Answers system calls in the handler, so that run_user() does not return. Leaves the last trip
/// and every other trap to the caller of run_user().
std::uint64_t answer_trip(trap::UserContext& context, std::uint64_t cause,
                          async::Interrupt* claimed) {
  if (cause != trap::syscall_cause || trips_in_handler == 1) [[clang::musttail]]
    return leave_trap(context, cause, claimed);
  --trips_in_handler;
  context.skip_syscall_instruction();
  context.set_syscall_result(constant);
  return 0;
}

/// Runs the program until its next system call, and answers the call. Returns false after any other
/// trap. No trap is lost: a faulting instruction faults again, an interrupt is pending or the
/// kernel has handled it, and a call that would block is made again. Called outside the strand.
[[gnu::always_inline]] inline bool make_trip(trap::UserContext& context) {
  const trap::Trap::Kind kind = trap::run_user(context).kind;
  if (kind != trap::Trap::syscall) [[unlikely]] {
    end_trips(context, kind);
    return false;
  }
  context.skip_syscall_instruction();
  context.set_syscall_result(constant);
  return true;
}

async::Task<trap::Register> await_trips(Thread& self, unsigned trips) {
  std::optional<trap::SyscallCaller::Elsewhere> nowhere{std::in_place, self, nullptr};
  trap::UserContext& context = self.context();
  context.set_syscall_result(constant);
  // If another hart ends this thread, it sends an IPI, and the interrupt ends the loop. So the loop
  // tests is_ending() only after the await.
  for (; trips > 0; --trips) {
    if (async::current_executor().preempts(self.level())) [[unlikely]] {
      save_hart_state(self);
      nowhere.reset();
      co_await async::yield_if_preempted();
      nowhere.emplace(self, nullptr);
      if (self.is_ending()) break;
    }
    prepare_to_run(self);
    async::Strand::leave();
    {
      const TrapsCall declining{leave_trap};
      if (!make_trip(context)) [[unlikely]]
        trips = 1;  // the last one
    }
    async::Strand::enter();
  }
  co_return context.syscall_result();
}

trap::Answer<trap::Register> make_trips(Thread& self, unsigned trips, abi::Trips form) {
  if (form == abi::Trips::awaited) {
    return self.wait([&] { return await_trips(self, trips); });
  }
  // The most trips of the form `handled`: this hart runs no other job between them.
  constexpr unsigned most = 10'000;
  const trap::SyscallCaller::Elsewhere nowhere{self, nullptr};
  trap::UserContext& context = self.context();
  context.set_syscall_result(constant);
  async::Strand::leave();
  struct Back {
    ~Back() { async::Strand::enter(); }
  } back;
  trips = std::min(trips, most);
  if (trap::traps_call_handler && trips > 0) {
    trips_in_handler = std::exchange(trips, 1);
  }
  const TrapsCall answering{answer_trip};
  for (; trips > 0 && make_trip(context); --trips) {
  }
  return context.syscall_result();
}

}  // namespace

trap::Register bare_trips(Thread& self, const trap::UserContext& context) {
  return trap::answer_with<Thread, make_trips>(self, context);
}

}  // namespace kernel
