#include "syscalls/own_calls.h"

#include <trap/run_user.h>

#include <algorithm>
#include <span>

#include "exercises/exercises.h"
#include "process/thread.h"
#include "syscalls/unknown.h"

namespace kernel {

constexpr OwnCallTable own_calls = OwnCallTable{unknown_call}
                                       .with<sys::bare_trips>(0)
                                       .with<sys::try_exercise, sys::exercise>(1)
                                       .with<sys::set_thread_pointer>(2);

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
      return context.syscall_result();
    }
    context.skip_syscall_instruction();
    context.set_syscall_result(constant);
  }
  return constant;
}

Result<> sys::set_thread_pointer(Thread& self, std::uintptr_t address) {
  self.context().set_thread_pointer(address);
  return {};
}

namespace {

async::Task<Result<exercises::Words>> start(abi::Exercise which, std::uint64_t argument) {
  using abi::Exercise;
  switch (which) {
    case Exercise::spin: return exercises::spin(argument);
    case Exercise::spin_two: return exercises::spin_two(argument);
    case Exercise::bell_preempts: return exercises::bell_in_step(argument, true);
    case Exercise::bell_wakes: return exercises::bell_in_step(argument, false);
    case Exercise::bell_at_yield_point: return exercises::bell_at_yield_point(argument);
    case Exercise::set_bell: return exercises::set_bell(argument != 0);
    case Exercise::inject: return exercises::inject(argument);
    case Exercise::yield: return exercises::yield(argument);
    case Exercise::nest: return exercises::nest(argument);
    case Exercise::stall: return exercises::stall(argument);
    case Exercise::storm: return exercises::storm(argument);
    case Exercise::roam: return exercises::roam(argument);
    default:
      return []() -> async::Task<Result<exercises::Words>> { co_return fail(Errno::einval); }();
  }
}

}  // namespace

trap::Attempt<Result<>> sys::try_exercise(Thread&, abi::Exercise which, std::uint64_t,
                                          UserSpan<std::uint64_t>) {
  // Not by way of a coroutine: the program is to be gone back to at once.
  if (which == abi::Exercise::ring_bell) return exercises::ring_bell();
  return trap::Attempt<Result<>>::wait();
}

async::Task<Result<>> sys::exercise(Thread& self, abi::Exercise which, std::uint64_t argument,
                                    UserSpan<std::uint64_t> words) {
  static constinit bool one_runs = false;
  if (one_runs) co_return fail(Errno::ebusy);
  one_runs = true;
  const auto result = co_await start(which, argument);
  one_runs = false;
  if (!result) co_return fail(result.error());
  const std::size_t count = std::min(words.size(), result->size());
  co_return words.write(self.space(), std::span(*result).first(count));
}

}  // namespace kernel
